//! Accepts connections and bounds what each may take: their number, the size of a head, and time.

use super::{
    Shared,
    backend::Backend,
    crowd::{Crowd, Seat},
    guard::Guard,
    router,
};
use axum::body::Body;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Connections at once. A further one takes the place of one that has not shown a token.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// Time in which a request's head must be here; also how long an idle connection is kept.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Largest head. Browsers keep up to 180 cookies of 4 KiB for a site, and a widget can set them for the whole of
/// `hub.localhost`: a smaller limit would let it lock the dashboard out.
const MAX_HEAD: usize = 1 << 20;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;

/// Accepts until told to stop, then lets open connections finish.
pub(super) async fn accept<B: Backend>(
    listener: TcpListener,
    shared: Arc<Shared<B>>,
    crowd: Arc<Crowd>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let accepted = listener.accept().await;
            Some((crowd.seat().await?, accepted))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = told(&mut stop) => break,
        };
        match accepted {
            Some((seat, Ok((stream, _)))) => {
                connections.spawn(serve(stream, shared.clone(), seat, stop.clone()));
            }
            // Out of files, most likely: it passes when connections end.
            Some((_, Err(e))) => {
                tracing::warn!("cannot accept a connection: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            None => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn serve<B: Backend>(stream: TcpStream, shared: Arc<Shared<B>>, seat: Seat, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let seat = Arc::new(seat);
    let io = TokioIo::new(Guard::new(stream, &shared.headers.inert));
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let shared = shared.clone();
        let mut request = request.map(Body::new);
        // A WebSocket outlives this task and must keep counting as a connection.
        request.extensions_mut().insert(seat.clone());
        async move { Ok::<_, Infallible>(router::answer(shared, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = seat.sent_away() => return,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = outcome {
        tracing::debug!("a connection ended early: {e}");
    }
}

/// Waits until it is told; also when nobody can tell any more.
pub(super) async fn told(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|told| *told).await;
}

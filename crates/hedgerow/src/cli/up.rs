//! Starts a node in the foreground: the door first, then the node, then everything is told to be ready.

use super::{
    Context, Result,
    args::Up,
    client::{ApiFile, Client, TOKEN_FILE, token_file, write_private},
    local, output, place, prompt, refused, starters,
};
use crate::http;
use hedgerow_api::types::ApiDoors;
use hedgerow_node::{LookupOptions, NodeConfig, NodeHandle, ReadyInfo, StartError};
use serde_json::json;
use std::{
    ffi::OsString,
    io::{self, Read},
    net::{Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

/// A connection that was not used for so long is parked.
const PARK_AFTER: Duration = Duration::from_secs(60);

pub(super) fn run(up: &Up, context: &Context) -> Result {
    start_log();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| local(format!("cannot start: {e}")))?;
    let done = runtime.block_on(serve(up, context));
    // A blocked thread (a prompt, the watch on standard input) must not keep the program from ending.
    runtime.shutdown_background();
    done
}

fn start_log() {
    let filter = std::env::var("HEDGEROW_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_default();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .try_init();
}

async fn serve(up: &Up, context: &Context) -> Result {
    let listener = bind(up, context)?;
    let port = listener
        .local_addr()
        .map_err(|e| local(format!("cannot listen: {e}")))?
        .port();
    let (node, ready) = start_node(up, context, port).await?;
    let (file, outcome) = serve_node(up, context, listener, &node, &ready).await;
    node.shutdown().await;
    for name in ["api.sock", TOKEN_FILE] {
        let _ = std::fs::remove_file(context.data.join(name));
    }
    // The last act: whoever waits for the end of this node looks at this file.
    if let Some(file) = file {
        file.remove(&context.data);
    }
    outcome
}

/// Serves until asked to end; answers the file that it wrote, to be removed when the node has ended too.
async fn serve_node(
    up: &Up,
    context: &Context,
    listener: TcpListener,
    node: &NodeHandle,
    ready: &ReadyInfo,
) -> (Option<ApiFile>, Result) {
    let (server, file) = match open_doors(context, listener, node) {
        Ok(opened) => opened,
        Err(error) => return (None, Err(error)),
    };
    announce(up, context, &server.login_link(), ready);
    let outcome = tokio::select! {
        () = asked_to_end(up.until_stdin_closes) => Ok(()),
        ended = server.ended() => ended.map_err(cannot_serve),
    };
    server.stop().await;
    (Some(file), outcome)
}

fn open_doors(context: &Context, listener: TcpListener, node: &NodeHandle) -> Result<(http::Server, ApiFile)> {
    let token = owner_token()?;
    let mut server = http::Server::start(listener, node.clone(), token.clone()).map_err(cannot_serve)?;
    let doors = doors(context, &mut server, &token)?;
    node.doors_open(doors, server.port());
    let file = ApiFile {
        port: server.port(),
        token,
        pid: std::process::id(),
    };
    file.write(&context.data).map_err(|e| {
        local(format!(
            "cannot write {}: {e}; is the folder full or read-only?",
            ApiFile::path(&context.data).display()
        ))
    })?;
    Ok((server, file))
}

/// Opens the Unix socket, where there can be one, and says where everything is.
fn doors(context: &Context, server: &mut http::Server, token: &str) -> Result<ApiDoors> {
    #[cfg(unix)]
    let unix = match server.listen_in(&context.data) {
        Ok(path) => Some(path.display().to_string()),
        // A path that is too long, or a disk without sockets; programs have the WebSocket then.
        Err(error) => {
            tracing::warn!(%error, "no Unix socket in the data folder");
            None
        }
    };
    #[cfg(not(unix))]
    let unix = None;
    let path = token_file(&context.data);
    write_private(&path, token.as_bytes()).map_err(|e| {
        local(format!(
            "cannot write {}: {e}; is the folder full or read-only?",
            path.display()
        ))
    })?;
    Ok(ApiDoors {
        websocket: format!("ws://127.0.0.1:{}/api/ws", server.port()),
        unix,
        token_file: path.display().to_string(),
    })
}

fn cannot_serve(error: io::Error) -> hedgerow_api::ApiError {
    local(format!("cannot serve the dashboard: {error}"))
}

/// Takes the port before anything else happens, so that a port in use changes nothing.
fn bind(up: &Up, context: &Context) -> Result<TcpListener> {
    free_on_both(up.listen).map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse if Client::is_running(&context.data) => refused(format!(
            "a node already runs on {}; open its dashboard with `hedgerow open`, or end it with `hedgerow stop`",
            context.data.display()
        )),
        io::ErrorKind::AddrInUse => local(format!(
            "port {} is used by another program; choose another port with --listen 127.0.0.1:0",
            up.listen.port()
        )),
        _ => local(format!(
            "cannot listen on {}: {e}; choose another address with --listen 127.0.0.1:0",
            up.listen
        )),
    })
}

/// Binds an address whose port is free on `[::1]` too, since the server answers there as well.
fn free_on_both(address: SocketAddr) -> io::Result<TcpListener> {
    const TRIES: usize = 16;
    let mut tries = 0;
    loop {
        let listener = TcpListener::bind(address)?;
        let port = listener.local_addr()?.port();
        tries += 1;
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && (address.port() != 0 || tries >= TRIES) => return Err(e),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
            // Free, or a machine without IPv6.
            _ => return Ok(listener),
        }
    }
}

/// Starts the node; asks for the passphrase when the key file has one, it was not given, and somebody can answer.
async fn start_node(up: &Up, context: &Context, port: u16) -> Result<(NodeHandle, ReadyInfo)> {
    let mut config = NodeConfig {
        data: context.data.clone(),
        hub_port: port,
        lan: !up.no_lan,
        serve: !up.no_serve,
        lookup: LookupOptions {
            dht: !up.no_dht,
            bootstrap: up.dht_bootstrap.clone(),
            dht_port: up.dht_port,
            seeds: up.seeds.clone(),
        },
        park: (!up.no_park).then(|| {
            let after = up
                .park_after
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            after.unwrap_or(PARK_AFTER)
        }),
        metered: up.metered,
        port_mapping: !up.no_port_mapping,
        peers: up.peers.clone(),
        passphrase: std::env::var("HEDGEROW_PASSPHRASE").ok(),
        guard: myself(super::GUARD)?,
        compiler: myself(super::COMPILE)?,
        starters: starters::all(),
    };
    let mut started = hedgerow_node::start(config.clone()).await;
    let mut tries = 3;
    while let Err(StartError::Locked(why)) = &started
        && tries > 0
        && prompt::can_ask()
    {
        tries -= 1;
        context.output.note(why);
        let answer = prompt::secret("Passphrase:").map_err(|e| local(format!("cannot ask for the passphrase: {e}")))?;
        config.passphrase = Some(answer.to_string());
        started = hedgerow_node::start(config.clone()).await;
    }
    started.map_err(|e| match e {
        StartError::InUse(_) => refused(e.to_string()),
        StartError::Locked(why) if why.contains("HEDGEROW_PASSPHRASE") => refused(why),
        StartError::Locked(why) => refused(format!("{why}; give the passphrase in HEDGEROW_PASSPHRASE")),
        other => local(other.to_string()),
    })
}

/// This program once more, for a hidden command: the same one also when its file was replaced meanwhile.
fn myself(command: &str) -> Result<Vec<OsString>> {
    let program = match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().map_err(|e| local(format!("cannot tell where this program is: {e}")))?,
    };
    Ok(vec![program.into(), command.into()])
}

fn announce(up: &Up, context: &Context, hub: &str, ready: &ReadyInfo) {
    if context.output.json {
        let line = json!({
            "event": "ready", "hub": hub, "node": ready.node.to_string(), "user": ready.user.to_string(),
            "ticket": ready.ticket,
        });
        output::line(&line.to_string());
    } else {
        output::line(&format!(
            "Hedgerow is running.\n\n  Dashboard   {hub}\n  Your data   {}\n\nThe address logs in once; `hedgerow login` prints another. Ctrl-C ends the node.",
            context.data.display()
        ));
    }
    if !up.no_browser {
        place::open_browser(hub);
    }
}

/// Waits for Ctrl-C, a polite kill, or the end of standard input when that was asked for.
pub(super) async fn asked_to_end(until_stdin_closes: bool) {
    let closed = async {
        if until_stdin_closes {
            let watch =
                tokio::task::spawn_blocking(|| io::copy(&mut io::stdin().lock().take(u64::MAX), &mut io::sink()));
            let _ = watch.await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = polite_kill() => {}
        () = closed => {}
    }
}

#[cfg(unix)]
async fn polite_kill() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn polite_kill() {
    std::future::pending().await
}

/// 256 random bits: whoever can read the data folder is the owner.
fn owner_token() -> Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| local(format!("this machine gives no randomness: {e}")))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

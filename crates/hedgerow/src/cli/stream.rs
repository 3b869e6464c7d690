//! Streams for people and programs: pipes, forwarded ports and pings between nodes (J1).

use super::{
    Context, Result,
    args::{Port, Stream},
    client::{Client, PeerSocket},
    local,
    output::table,
    refused,
};
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal as _, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    thread,
};

/// Bytes copied at once.
const PIECE: usize = 128 << 10;

pub(super) fn run(stream: Stream, context: &Context) -> Result {
    let client = context.client()?;
    match stream {
        Stream::Listen { name, from, keep } => {
            let from = from.map(|who| peer(&client, &who)).transpose()?;
            let from = from.map(|id| format!("&from={id}")).unwrap_or_default();
            loop {
                let socket = client.stream(&format!("listen={name}{from}"))?;
                told(context, "connected", &socket.peer);
                pipe_standard(socket)?;
                if !keep {
                    return Ok(());
                }
            }
        }
        Stream::Connect { peer: who, name } => {
            let id = peer(&client, &who)?;
            let socket = client.stream(&format!("peer={id}&name={name}"))?;
            told(context, "connected", &socket.peer);
            pipe_standard(socket)
        }
    }
}

/// Takes TCP connections on a port here and carries them to a port of a peer's machine, until it is interrupted.
pub(super) fn forward(local_port: u16, target: &str, context: &Context) -> Result {
    let client = context.client()?;
    let (who, port) = target
        .rsplit_once(':')
        .and_then(|(who, port)| Some((who, port.parse::<u16>().ok().filter(|p| *p > 0)?)))
        .ok_or_else(|| refused(format!("{target:?} is not of the form PEER:PORT")))?;
    let id = peer(&client, who)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local_port))
        .map_err(|e| local(format!("cannot listen on port {local_port}: {e}")))?;
    let bound = listener.local_addr().map_err(|e| local(e.to_string()))?.port();
    // Asked once before anybody waits for it, so that a refusal is told at once.
    drop(client.stream(&format!("peer={id}&port={port}"))?);
    context.output.result(
        &json!({"event": "forwarding", "port": bound, "peer": id, "to": port}),
        |_| format!("Port {bound} here is port {port} of {who}. Ctrl-C ends it."),
    );
    for socket in listener.incoming().flatten() {
        let data = context.data.clone();
        let query = format!("peer={id}&port={port}");
        thread::spawn(move || {
            let carried = Client::open(&data).and_then(|client| carry(socket, client.stream(&query)?));
            if let Err(error) = carried {
                eprint(&error.message);
            }
        });
    }
    Ok(())
}

pub(super) fn ports(port: Port, context: &Context) -> Result {
    let shown = |list: &Value| {
        let columns = [("PORT", "port"), ("FOR", "from")];
        table(
            list,
            &columns,
            "No port of this machine can be reached by peers. Allow one with `hedgerow port allow PORT`.",
        )
    };
    match port {
        Port::List => context.show("forward.list", json!({}), shown),
        Port::Forbid { port } => context.show("forward.forbid", json!({"port": port}), shown),
        Port::Allow { port, from } => {
            let mut params = json!({"port": port});
            if let Some(who) = from {
                params["from"] = peer(&context.client()?, &who)?.into();
            }
            context.show("forward.allow", params, shown)
        }
    }
}

pub(super) fn ping(who: &str, count: u32, context: &Context) -> Result {
    let client = context.client()?;
    let id = peer(&client, who)?;
    let result = client.call("peers.ping", json!({"node": id, "count": count}))?;
    context.output.result(&result, |result| {
        let times: Vec<f64> = result["times_ms"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        let mean = times.iter().sum::<f64>() / (times.len().max(1) as f64);
        format!(
            "{} answers, round trip {least:.1} ms at least, {mean:.1} ms on average, {most:.1} ms at most",
            times.len()
        )
    });
    Ok(())
}

/// The node that a person means: its whole id, the beginning of it, or the name that its owner chose.
pub(super) fn peer(client: &Client, who: &str) -> Result<String> {
    let list = client.call("peers.list", json!({}))?;
    let text = |peer: &Value, field: &str| peer[field].as_str().unwrap_or_default().to_owned();
    let peers: Vec<(String, String)> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|peer| (text(peer, "node"), text(peer, "name")))
        .collect();
    let named: Vec<&(String, String)> = peers
        .iter()
        .filter(|(id, name)| name.eq_ignore_ascii_case(who) || (who.len() >= 6 && id.starts_with(&who.to_lowercase())))
        .collect();
    match named.as_slice() {
        [(id, _)] => Ok(id.clone()),
        [] => Err(refused(format!(
            "no peer is called {who:?}; see `hedgerow peers --all`"
        ))),
        _ => Err(refused(format!(
            "several peers are called {who:?}; use the beginning of the node's id instead"
        ))),
    }
}

fn told(context: &Context, event: &str, peer: &str) {
    match context.output.json {
        true => eprint(&json!({"event": event, "peer": peer}).to_string()),
        false => eprint(&format!("{event}: {peer}")),
    }
}

/// A line beside what is piped.
#[allow(clippy::print_stderr, reason = "standard output carries the stream")]
fn eprint(text: &str) {
    eprintln!("{text}");
}

/// Standard input goes out, what comes goes to standard output; ends when both have ended, or, at a keyboard, when
/// the other side has.
fn pipe_standard(socket: PeerSocket) -> Result {
    let mut out = socket.stream.try_clone().map_err(|e| local(e.to_string()))?;
    let typed =
        thread::spawn(move || copy(&mut io::stdin().lock(), &mut out).and_then(|()| out.shutdown(Shutdown::Write)));
    copy(&mut socket.reader(), &mut io::stdout().lock()).map_err(|e| local(format!("the stream broke off: {e}")))?;
    if !io::stdin().is_terminal() {
        let ended = typed
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("reading ended early")));
        ended.map_err(|e| local(format!("the stream broke off: {e}")))?;
    }
    Ok(())
}

fn carry(here: TcpStream, there: PeerSocket) -> Result {
    let broken = |e: io::Error| local(e.to_string());
    let mut from_here = here.try_clone().map_err(broken)?;
    let mut to_there = there.stream.try_clone().map_err(broken)?;
    let up = thread::spawn(move || {
        let _ = copy(&mut from_here, &mut to_there);
        let _ = to_there.shutdown(Shutdown::Write);
    });
    let mut to_here = here;
    let _ = copy(&mut there.reader(), &mut to_here);
    let _ = to_here.shutdown(Shutdown::Write);
    let _ = up.join();
    Ok(())
}

/// Copies until the end, passing each piece on at once.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        to.write_all(buffer.get(..length).unwrap_or_default())?;
        to.flush()?;
    }
}

//! A plugin: what is put into `out` in its data folder arrives in `in` of all who have it. See `examples/file-drop`.
#![allow(clippy::print_stdout, reason = "its log")]

use data_encoding::BASE64;
use hedgerow_sdk::{Error, Node, Value, connect, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::time::sleep;

/// Bytes of a file that are sent at once.
const PIECE: usize = 96_000;
/// Most bytes of a file that is taken.
const LARGEST: u64 = 1 << 30;
/// How often the folder is looked at. A file is sent when it did not change between two looks.
const LOOK: Duration = Duration::from_millis(500);

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let node = connect().await?;
    let data = PathBuf::from(std::env::var_os("HEDGEROW_PLUGIN_DATA").ok_or("not started by a node")?);
    let (out, into) = (data.join("out"), data.join("in"));
    fs::create_dir_all(&out)?;
    fs::create_dir_all(&into)?;
    let receiving = async {
        loop {
            match node.call("streams.accept", json!({"timeout": 600})).await {
                Ok(stream) => match receive(&node, &stream, &into).await {
                    Ok(path) => println!("got {}", path.display()),
                    Err(error) => println!("a file did not arrive: {error}"),
                },
                Err(Error::Node { code, .. }) if code == "unreachable" => {}
                Err(error) => return Err::<(), Failure>(error.into()),
            }
        }
    };
    tokio::select! {
        ended = receiving => ended,
        ended = watch(&node, &out) => ended,
    }
}

/// Sends every file that lies still in a folder.
async fn watch(node: &Node, folder: &Path) -> Result<(), Failure> {
    let mut seen: BTreeMap<PathBuf, (SystemTime, bool)> = BTreeMap::new();
    loop {
        sleep(LOOK).await;
        for entry in fs::read_dir(folder)?.flatten() {
            let (path, about) = (entry.path(), entry.metadata());
            let changed = about
                .ok()
                .filter(fs::Metadata::is_file)
                .and_then(|about| about.modified().ok());
            let Some(changed) = changed else { continue };
            match seen.get_mut(&path) {
                Some((at, sent)) if *at == changed => {
                    if !std::mem::replace(sent, true) {
                        send_to_all(node, &path).await?;
                    }
                }
                _ => _ = seen.insert(path, (changed, false)),
            }
        }
    }
}

async fn send_to_all(node: &Node, path: &Path) -> Result<(), Failure> {
    let members: Vec<Value> = node.call_as("peers.members", json!({})).await?;
    for member in members {
        match send(node, path, &member["peer"]).await {
            Ok(()) => println!("sent {} to {}", path.display(), member["peer"]),
            Err(error) => println!("{} was not sent to {}: {error}", path.display(), member["peer"]),
        }
    }
    Ok(())
}

async fn send(node: &Node, path: &Path, to: &Value) -> Result<(), Failure> {
    let name = tidy(&path.file_name().unwrap_or_default().to_string_lossy());
    let opened = node.call("streams.open", json!({"to": to, "name": name})).await?;
    let (stream, mut file, mut piece) = (&opened["stream"], fs::File::open(path)?, vec![0; PIECE]);
    loop {
        let length = file.read(&mut piece)?;
        let data = BASE64.encode(piece.get(..length).unwrap_or_default());
        let end = length == 0;
        node.call("streams.write", json!({"stream": stream, "data": data, "end": end}))
            .await?;
        if end {
            return Ok(());
        }
    }
}

/// Writes a file beside its place and moves it there when all of it came.
async fn receive(node: &Node, stream: &Value, into: &Path) -> Result<PathBuf, Failure> {
    let name = tidy(stream["name"].as_str().unwrap_or_default());
    let part = into.join(format!(".{}.part", stream["stream"]));
    let mut file = fs::File::create(&part)?;
    let mut length = 0;
    loop {
        let read = node.call("streams.read", json!({"stream": stream["stream"]})).await?;
        if read["end"] == true {
            break;
        }
        let bytes = BASE64.decode(read["data"].as_str().unwrap_or_default().as_bytes())?;
        length += bytes.len() as u64;
        if length > LARGEST {
            node.call("streams.close", json!({"stream": stream["stream"]})).await?;
            let _ = fs::remove_file(&part);
            return Err(io::Error::other("it is larger than 1 GiB").into());
        }
        file.write_all(&bytes)?;
    }
    file.sync_all()?;
    for number in 0.. {
        let name = if number == 0 {
            name.clone()
        } else {
            format!("{number}-{name}")
        };
        let path = into.join(name);
        // Never over a file that is there.
        if fs::hard_link(&part, &path).is_ok() {
            fs::remove_file(&part)?;
            return Ok(path);
        }
        if !path.exists() {
            break;
        }
    }
    Err(io::Error::other("there is no room for it in the folder").into())
}

/// A name that leads nowhere else: as of streams, not beginning with a dot.
fn tidy(name: &str) -> String {
    let plain = |c: char| match c {
        '-' | '_' | '.' => c,
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    let name: String = name.trim_start_matches('.').chars().map(plain).take(64).collect();
    if name.is_empty() { "file".into() } else { name }
}

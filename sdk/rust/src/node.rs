//! Connecting and calling.

use crate::{
    Error,
    events::Events,
    link::{self, Shared},
    place::Place,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{io, path::Path, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt as _, sync::mpsc, time::timeout};

/// How long the node may take to let somebody in.
const WELCOME: Duration = Duration::from_secs(20);
/// Longest answer to a token, in bytes.
const HELLO: usize = 64 << 10;

/// A connection to a node. Clones share it; it ends with the last one.
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
    lines: mpsc::Sender<Vec<u8>>,
    hello: Arc<Hello>,
}

/// How the node lets somebody in.
#[derive(Deserialize)]
struct Hello {
    ready: bool,
    plugin: Option<String>,
    permissions: Option<Vec<String>>,
    #[serde(default)]
    error: Value,
}

/// Connects a plugin to the node that started it; without such, a program to the node of which `HEDGEROW_DATA` names the
/// data folder.
///
/// # Errors
/// When there is no node, or it does not let this program in.
pub async fn connect() -> Result<Node, Error> {
    Node::open(Place::of_environment()?).await
}

/// Connects a program of the owner to the node of a data folder.
///
/// # Errors
/// When no node runs there, or it does not let this program in.
pub async fn connect_to_data(data: impl AsRef<Path>) -> Result<Node, Error> {
    Node::open(Place::of_data(data.as_ref())?).await
}

/// Connects to a socket, with the token in a file.
///
/// # Errors
/// When there is no such socket, or the token is not let in.
pub async fn connect_to(socket: impl AsRef<Path>, token_file: impl AsRef<Path>) -> Result<Node, Error> {
    Node::open(Place::new(socket.as_ref(), token_file.as_ref())?).await
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.plugin().unwrap_or("owner"))
    }
}

impl Node {
    async fn open(place: Place) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::Io {
            path: place.socket.clone(),
            kind: error.kind(),
        };
        let (mut lines, mut write) = link::open(&place.socket).await.map_err(failed)?;
        let token = format!("{}\n", json!({ "token": place.token }));
        write.write_all(token.as_bytes()).await.map_err(failed)?;
        let first = timeout(WELCOME, link::next_line(&mut lines, HELLO)).await;
        let first = first.map_err(|_| Error::Closed("it does not answer".into()))?;
        let first = first.map_err(failed)?.unwrap_or_default();
        let hello: Hello =
            serde_json::from_slice(&first).map_err(|_| Error::Closed("it did not answer as a node does".into()))?;
        if !hello.ready {
            let message = hello.error["message"].as_str().unwrap_or("not let in");
            return Err(link::refused(&hello.error["code"], message.to_owned()));
        }
        let (shared, lines) = link::start(lines, write);
        Ok(Self {
            shared,
            lines,
            hello: Arc::new(hello),
        })
    }

    /// Name of this plugin; none for a program of the owner.
    pub fn plugin(&self) -> Option<&str> {
        self.hello.plugin.as_deref()
    }

    /// What this plugin was granted; none for a program of the owner, who may everything.
    pub fn permissions(&self) -> Option<&[String]> {
        self.hello.permissions.as_deref()
    }

    /// Calls a method with parameters by name: `json!({…})`, a struct, or `()`. Dropping the future takes nothing back.
    ///
    /// # Errors
    /// What the node says, or that the connection ended.
    pub async fn call(&self, method: &str, params: impl Serialize) -> Result<Value, Error> {
        let params = match serde_json::to_value(params) {
            Ok(Value::Null) => json!({}),
            Ok(params @ Value::Object(_)) => params,
            Ok(other) => return Err(Error::Params(format!("they are {other}"))),
            Err(error) => return Err(Error::Params(error.to_string())),
        };
        let (id, answered) = self.shared.expect()?;
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let sent = self.lines.send(format!("{call}\n").into_bytes()).await;
        sent.map_err(|_| Error::Closed(self.shared.why()))?;
        answered.await.unwrap_or_else(|_| Err(Error::Closed(self.shared.why())))
    }

    /// Calls a method, and reads its result as a type.
    ///
    /// # Errors
    /// As [`Node::call`], and when the result is of another shape.
    pub async fn call_as<T: DeserializeOwned>(&self, method: &str, params: impl Serialize) -> Result<T, Error> {
        let result = self.call(method, params).await?;
        serde_json::from_value(result).map_err(|error| Error::Shape {
            method: method.to_owned(),
            why: error.to_string(),
        })
    }

    /// Events from now on.
    pub fn events(&self) -> Events {
        self.shared.events()
    }
}

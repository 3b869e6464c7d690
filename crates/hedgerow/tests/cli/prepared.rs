//! An HTTP server with prepared answers on a data folder of its own.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Prepared {
    data: tempfile::TempDir,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Prepared {
    /// Serves `answers` (method, rest of the JSON-RPC answer) until the test ends.
    pub(crate) fn start(answers: &[(&str, Value)]) -> Self {
        let data = tempfile::tempdir().expect("folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener.local_addr().expect("address").port();
        let file = json!({"port": port, "token": "prepared", "pid": std::process::id()});
        fs::write(data.path().join("api.json"), file.to_string()).expect("written");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answers: BTreeMap<String, Value> = answers.iter().map(|(m, a)| ((*m).to_owned(), a.clone())).collect();
        let notes = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(&stream, &answers, &notes);
            }
        });
        Self { data, heard }
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("not poisoned").clone()
    }
}

fn serve(mut stream: &TcpStream, answers: &BTreeMap<String, Value>, notes: &Mutex<Vec<Heard>>) {
    let heard = read(stream);
    let answer = if heard.path == "/api/packages" {
        json!({"package": "kept"})
    } else {
        let call: Value = serde_json::from_slice(&heard.body).expect("a call");
        let method = call["method"].as_str().expect("a method");
        let unknown = json!({"error": {"code": -32601, "message": format!("unprepared: {method}")}});
        answers.get(method).cloned().unwrap_or(unknown)
    };
    notes.lock().expect("not poisoned").push(heard);
    let text = answer.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}

fn read(stream: &TcpStream) -> Heard {
    let mut reader = BufReader::new(stream);
    let mut heard = Heard {
        path: String::new(),
        authorization: String::new(),
        body: Vec::new(),
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            None => heard.path = line.split(' ').nth(1).unwrap_or_default().to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().expect("a number")
            }
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => heard.authorization = value.to_owned(),
            Some(_) => {}
        }
    }
    heard.body = vec![0; length];
    reader.read_exact(&mut heard.body).expect("the body");
    heard
}

//! The background part: the node runs it whether a dashboard is open or not, as long as the person allows it.
//! `hedgerow.wit`, beside this file, says what it can call.

wit_bindgen::generate!({ path: "hedgerow.wit", world: "component" });

use exports::hedgerow::widget::guest::{Event, Guest};
use hedgerow::widget::{app, host};

struct Background;
export!(Background);

/// Memory is gone after a restart; what is kept is not.
struct State {
    serial: u64,
    counted: u64,
}

impl State {
    fn read() -> Self {
        let number = |key: &str| {
            let bytes: Option<[u8; 8]> = host::kept(key).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_le_bytes)
        };
        Self { serial: number("serial"), counted: number("counted") }
    }

    fn keep(&self) -> Result<(), String> {
        host::keep("serial", Some(&self.serial.to_le_bytes()))?;
        host::keep("counted", Some(&self.counted.to_le_bytes()))
    }

    /// Events may be missed while it is away. Updates have serials, so what came meanwhile can be read.
    fn catch_up(&mut self) -> Result<(), String> {
        loop {
            let page = app::updates(Some(self.serial)).map_err(|e| e.message)?.updates;
            let Some(last) = page.last() else { return Ok(()) };
            self.counted += page.len() as u64;
            self.serial = last.serial;
        }
    }
}

fn handle(event: Event) -> Result<(), String> {
    let mut state = State::read();
    match event {
        Event::Start | Event::AppUpdate(_) => {
            state.catch_up()?;
            state.keep()?;
            host::log(&format!("{} entries so far", state.counted));
        }
        Event::PageMessage(_) => {}
        _ => return Ok(()),
    }
    host::tell_page(&format!(r#"{{"counted":{}}}"#, state.counted))
}

impl Guest for Background {
    fn handle(event: Event) {
        if let Err(problem) = handle(event) {
            host::log(&problem);
        }
    }
}

//! What a component can call: the methods of the API, and `host`. There is nothing else to be linked.

use super::{
    convert::{self, Room},
    fit::{Bound, Fit},
    guest::Guest,
    limits::{LOG_LINE, RANDOM, SHORTEST_WAKE},
    meter::Meter,
};
use hedgerow_api::{ApiError, ErrorCode, doc::shape::Shape};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::task::AbortHandle;
use wasmtime::{
    Engine, StoreContextMut,
    component::{Linker, LinkerInstance, Val},
};

/// Longest time that may pass until a wake-up: more is a mistake, or for ever.
const LONGEST_WAKE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Everything that a component imports, and nothing else.
pub(super) fn linker(engine: &Engine, fit: &Fit) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    for (interface, functions) in &fit.imports {
        let mut instance = linker.instance(interface)?;
        for bound in functions {
            let bound = Arc::new(bound.clone());
            instance.func_new_async(&bound.label.clone(), move |mut store, _, params, results| {
                let begun = begin(&mut store, &bound, params);
                let (bound, meter) = (Arc::clone(&bound), Arc::clone(&store.data().meter));
                Box::new(async move {
                    let answer = match begun {
                        Ok(call) => finish(call, meter.limits.call).await,
                        Err(e) => Err(e),
                    };
                    let slot = results
                        .first_mut()
                        .ok_or_else(|| wasmtime::format_err!("no place for the answer"))?;
                    *slot = answered(&bound, &meter, answer)?;
                    Ok(())
                })
            })?;
        }
    }
    if let Some(name) = &fit.host {
        host(&mut linker.instance(name)?)?;
    }
    Ok(linker)
}

/// A call under way: ended when nobody waits any more.
struct Call {
    answer: tokio::task::JoinHandle<Result<Value, ApiError>>,
    abort: Abort,
}

struct Abort(AbortHandle);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Checks a call and begins it, on a task of its own: it has a stack of its own, and what it computes is not the
/// component's.
fn begin(store: &mut StoreContextMut<'_, Guest>, bound: &Bound, params: &[Val]) -> Result<Call, ApiError> {
    let guest = store.data();
    let whole = guest.meter.limits.value;
    let mut room = Room::new(whole);
    let params = convert::params(&bound.params, params, &mut room);
    let params = params.map_err(|e| ApiError::new(ErrorCode::BadParams, format!("{}: {e}", bound.method)))?;
    let bytes = room.used(whole);
    allowed(&guest.meter, bytes).map_err(|e| ApiError::new(ErrorCode::Limit, e))?;
    let answer = tokio::spawn(guest.calls.call(bound.method, params));
    let abort = Abort(answer.abort_handle());
    Ok(Call { answer, abort })
}

/// Counts a call, if it is within the minute's budget.
fn allowed(meter: &Meter, bytes: usize) -> Result<(), String> {
    if meter.may_call(bytes) {
        meter.usage.call(bytes);
        return Ok(());
    }
    meter.usage.refuse();
    let (calls, most) = (meter.limits.calls, meter.limits.bytes_out);
    Err(format!(
        "a component makes {calls} calls and sends {most} bytes in a minute; go on later"
    ))
}

async fn finish(call: Call, wait: Duration) -> Result<Value, ApiError> {
    let answer = tokio::time::timeout(wait, call.answer).await;
    drop(call.abort);
    match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(ApiError::new(
            ErrorCode::Bug,
            "the call failed inside the node; its log says more",
        )),
        Err(_) => {
            let late = format!("there was no answer within {} s", wait.as_secs());
            Err(ApiError::new(ErrorCode::Unreachable, late))
        }
    }
}

/// The answer as the component's `result`.
fn answered(bound: &Bound, meter: &Meter, answer: Result<Value, ApiError>) -> wasmtime::Result<Val> {
    let whole = meter.limits.value;
    let mut room = Room::new(whole);
    let answer = answer.and_then(|value| match &bound.answer {
        None => Ok(None),
        Some(shape) => match convert::to_val(shape, &value, &mut room) {
            Ok(val) => Ok(Some(Box::new(val))),
            Err(e) => Err(ApiError::new(
                ErrorCode::Limit,
                format!("the answer of {} cannot be told: {e}", bound.method),
            )),
        },
    });
    meter.usage.answer(room.used(whole));
    match answer {
        Ok(val) => Ok(Val::Result(Ok(val))),
        Err(error) => Ok(Val::Result(Err(Some(Box::new(failure(&bound.error, &error)?))))),
    }
}

/// An error as the component knows it. One that was built before a code came to be is told the next best.
fn failure(shape: &Shape, error: &ApiError) -> wasmtime::Result<Val> {
    let codes = [error.code, ErrorCode::Refused, ErrorCode::Local];
    let told = codes.iter().find_map(|code| {
        let error = json!({"code": code.name(), "message": error.message});
        convert::to_val(shape, &error, &mut Room::new(64 << 10)).ok()
    });
    told.ok_or_else(|| wasmtime::format_err!("it knows no code for: {}", error.message))
}

/// What only a component has.
fn host(host: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    host.func_wrap("log", |store: StoreContextMut<'_, Guest>, (text,): (String,)| {
        log(store.data(), &text);
        Ok(())
    })?;
    host.func_wrap("now-ms", |_: StoreContextMut<'_, Guest>, (): ()| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok((since.as_secs() * 1000,))
    })?;
    host.func_wrap("random", |_: StoreContextMut<'_, Guest>, (len,): (u32,)| {
        if len > RANDOM {
            return Err(wasmtime::format_err!("random gives {RANDOM} bytes at most at once"));
        }
        let mut bytes = vec![0; len as usize];
        getrandom::fill(&mut bytes).map_err(|e| wasmtime::format_err!("no chance: {e}"))?;
        Ok((bytes,))
    })?;
    host.func_wrap(
        "keep",
        |mut store: StoreContextMut<'_, Guest>, (key, value): (String, Option<Vec<u8>>)| {
            Ok((store.data_mut().kept.keep(key, value),))
        },
    )?;
    host.func_wrap("kept", |store: StoreContextMut<'_, Guest>, (key,): (String,)| {
        Ok((store.data().kept.kept(&key).cloned(),))
    })?;
    host.func_wrap("wake-in", |mut store: StoreContextMut<'_, Guest>, (ms,): (u64,)| {
        let wait = Duration::from_millis(ms).clamp(SHORTEST_WAKE, LONGEST_WAKE);
        store.data_mut().wake_in = Some(wait);
        Ok(())
    })?;
    host.func_wrap("tell-page", |store: StoreContextMut<'_, Guest>, (text,): (String,)| {
        Ok((tell_page(store.data(), &text),))
    })?;
    Ok(())
}

fn log(guest: &Guest, text: &str) {
    let text = &text[..text.floor_char_boundary(LOG_LINE)];
    match guest.meter.may_log(text.len()) {
        Some(true) => guest.calls.log(text),
        Some(false) => {}
        None => guest.calls.log("… more lines than fit into a minute are left out"),
    }
}

fn tell_page(guest: &Guest, text: &str) -> Result<(), String> {
    if text.len() > guest.meter.limits.value {
        return Err("it is too large".into());
    }
    let message = serde_json::from_str(text).map_err(|e| format!("it is no JSON: {e}"))?;
    allowed(&guest.meter, text.len())?;
    guest.calls.tell_page(message);
    Ok(())
}

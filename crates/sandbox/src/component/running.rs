//! A running component, as the task of the node that drives it sees it.

use super::{
    convert::{Room, to_val},
    error::{Fault, reason},
    guest::{Calls, Guest},
    kept::Kept,
    machine::Machine,
    meter::{Meter, State, Usage, Verdict},
    program::Program,
};
use serde_json::Value;
use std::{
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use wasmtime::{
    Store, StoreContextMut, Trap, UpdateDeadline,
    component::{Func, Val},
};

/// For how long a component that runs lets others run, after each tick.
const BREATH: Duration = Duration::from_millis(1);

/// What came of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was handled.
    Done(Done),
    /// It was not told, for this reason: the component does not know it, or it is too large. The component is well.
    Skipped(String),
    /// The component is over.
    Ended(Fault),
}

/// What a handled event leaves to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What has to be stored before the next event: keys with their new values, or `None` for forgotten ones.
    pub kept: Vec<(String, Option<Vec<u8>>)>,
    /// When it asked to be woken, in place of any time before.
    pub wake_in: Option<Duration>,
}

/// Ends a component from outside. All copies do the same.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// Ends it, whatever it does. The event that it handles is answered with [`Fault::Stopped`], within 50 ms.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// A running component: one instance with a memory of its own. Handles one event at a time.
pub struct Running {
    program: Program,
    meter: Arc<Meter>,
    stop: watch::Sender<bool>,
    alive: Option<Alive>,
    /// An event was begun and not brought to an end: whoever waited for it went away.
    left: bool,
}

struct Alive {
    store: Store<Guest>,
    handle: Func,
}

impl Program {
    /// Puts the component to work: a fresh memory, with what it kept before. `start` is the first event that it is to
    /// be told.
    ///
    /// # Errors
    /// Why it could not begin.
    pub async fn start(&self, calls: Arc<dyn Calls>, kept: Kept) -> Result<Running, Fault> {
        let meter = Arc::new(Meter::new(Arc::clone(self.limits())));
        let mut store = self.store(Guest::new(calls, Arc::clone(&meter), kept));
        meter.event();
        let instance = metered(self.machine(), &meter, self.pre().instantiate_async(&mut store)).await;
        let fault = match instance {
            Ok(instance) => match instance.get_func(&mut store, self.handle()) {
                Some(handle) => {
                    return Ok(Running {
                        program: self.clone(),
                        meter,
                        stop: watch::Sender::new(false),
                        alive: Some(Alive { store, handle }),
                        left: false,
                    });
                }
                None => Fault::Trap("it lost its export".into()),
            },
            Err(error) => fault(store.data_mut(), &error),
        };
        Err(fault)
    }

    fn store(&self, guest: Guest) -> Store<Guest> {
        let mut store = Store::new(self.machine().engine(), guest);
        store.limiter(|guest| guest);
        // Texts count as they are, everything else by what it takes here.
        store.set_hostcall_fuel(self.limits().value.saturating_mul(4));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(tick);
        store
    }
}

/// Called on the component's own time, once for each tick in which it runs.
fn tick(mut store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = store.data_mut();
    Ok(match guest.meter.look() {
        // Whoever else is to run on this thread runs first. To go to the end of the queue is not enough: timers and
        // sockets are looked at when nobody wants to run.
        Verdict::GoOn => UpdateDeadline::YieldCustom(1, Box::pin(tokio::time::sleep(BREATH))),
        Verdict::Pause(until) => {
            let meter = Arc::clone(&guest.meter);
            UpdateDeadline::YieldCustom(1, Box::pin(async move { pause(&meter, until).await }))
        }
        Verdict::End => {
            let most = guest.meter.limits.event_cpu.as_millis();
            guest.fault = Some(Fault::Runaway(u64::try_from(most).unwrap_or(u64::MAX)));
            UpdateDeadline::Interrupt
        }
    })
}

async fn pause(meter: &Meter, until: Instant) {
    meter.say(State::Paused { until });
    tokio::time::sleep_until(until.into()).await;
    meter.say(State::Busy);
}

/// Counts the time of the processor that a future takes.
async fn metered<T>(machine: &Machine, meter: &Meter, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        let awake = machine.awake();
        meter.on();
        let polled = work.as_mut().poll(context);
        meter.off();
        drop(awake);
        match polled {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Why it ended, from what the engine says and what is known here.
fn fault(guest: &mut Guest, error: &wasmtime::Error) -> Fault {
    if let Some(known) = guest.fault.take() {
        return known;
    }
    if guest.starved {
        return Fault::Memory(guest.meter.limits.memory >> 20);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => Fault::Stack,
        Some(trap) => Fault::Trap(reason(trap)),
        None => Fault::Trap(reason(&format!("{error:#}"))),
    }
}

impl Running {
    /// Tells the component an event: an object with `event` and its fields, as the API has it, or `start`, `wake` and
    /// `page_message` with a field `message`. Waits while the component is paused. Whoever drops this before it is over
    /// ends the component.
    pub async fn handle(&mut self, event: &Value) -> Outcome {
        if self.alive.is_none() || *self.stop.borrow() || self.left {
            return self.end(if *self.stop.borrow() {
                Fault::Stopped
            } else {
                Fault::Gone
            });
        }
        let event = match self.event(event) {
            Ok(event) => event,
            Err(why) => return Outcome::Skipped(why),
        };
        self.left = true;
        let mut stopped = self.stop.subscribe();
        let outcome = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => Err(Fault::Stopped),
            outcome = self.told(event) => outcome,
        };
        self.left = false;
        match outcome {
            Ok(done) => {
                self.meter.usage.event();
                self.meter.say(State::Idle);
                Outcome::Done(done)
            }
            Err(fault) => self.end(fault),
        }
    }

    async fn told(&mut self, event: Val) -> Result<Done, Fault> {
        let Self {
            program, meter, alive, ..
        } = self;
        let Alive { store, handle } = alive.as_mut().ok_or(Fault::Gone)?;
        if let Some(until) = meter.event() {
            pause(meter, until).await;
        }
        meter.say(State::Busy);
        store.set_epoch_deadline(1);
        let guest = store.data_mut();
        (guest.wake_in, guest.starved) = (None, false);
        let told = metered(
            program.machine(),
            meter,
            handle.call_async(&mut *store, &[event], &mut []),
        )
        .await;
        let guest = store.data_mut();
        match told {
            Ok(()) => Ok(Done {
                kept: guest.kept.settle(),
                wake_in: guest.wake_in.take(),
            }),
            Err(error) => Err(fault(guest, &error)),
        }
    }

    /// Ends the component and frees what it held.
    fn end(&mut self, fault: Fault) -> Outcome {
        self.alive = None;
        self.meter.usage.memory(0);
        self.meter.say(State::Ended);
        Outcome::Ended(fault)
    }

    /// The event as the component knows it.
    fn event(&self, event: &Value) -> Result<Val, String> {
        let name = event["event"].as_str().ok_or("it is no event")?;
        let known = self.program.events().iter().find(|(event, _, _)| event == name);
        let (_, label, shape) = known.ok_or_else(|| format!("the component does not know {name}"))?;
        let payload = match shape {
            None => None,
            Some(shape) => {
                let value = if name == "page_message" {
                    &event["message"]
                } else {
                    event
                };
                let mut room = Room::new(self.meter.limits.value);
                Some(Box::new(to_val(shape, value, &mut room)?))
            }
        };
        Ok(Val::Variant(label.clone(), payload))
    }

    /// Ends this component from outside.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// What it uses.
    pub fn usage(&self) -> Arc<Usage> {
        Arc::clone(&self.meter.usage)
    }

    /// How it is doing, for whoever wants to know at once.
    pub fn state(&self) -> watch::Receiver<State> {
        self.meter.state.subscribe()
    }
}

//! What the node tells without being asked.

use futures_core::Stream;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{
    collections::VecDeque,
    future::poll_fn,
    ops::Index,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

/// Events that wait for a reader who is slow; then the oldest go.
pub const MAX_EVENTS: usize = 4096;

/// Something happened. Its fields are got by name, as in `event["connected"]`; null if there is no such.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// What happened, such as `peers_changed`.
    #[serde(rename = "event")]
    pub name: String,
    /// What else is said of it.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Event {
    /// The fields as a type of one's own; none if they are of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(Value::Object(self.fields.clone())).ok()
    }
}

impl Index<&str> for Event {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.fields.get(name).unwrap_or(&Value::Null)
    }
}

/// Events from the moment on when it was made ([`crate::Node::events`]). A [`Stream`], and [`Events::next`] needs no
/// other crate. It ends with the connection.
#[derive(Debug)]
pub struct Events(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Event>,
    ended: bool,
    reader: Option<Waker>,
}

impl Events {
    /// The next event; none when the connection has ended.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = locked(&self.0);
        if let Some(event) = queue.waiting.pop_front() {
            return Poll::Ready(Some(event));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        queue.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(context)
    }
}

/// All who read events of one connection.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    queues: Vec<Weak<Mutex<Queue>>>,
    ended: bool,
}

impl Readers {
    pub(crate) fn add(&mut self) -> Events {
        let queue = Arc::new(Mutex::new(Queue {
            ended: self.ended,
            ..Queue::default()
        }));
        self.queues.retain(|queue| queue.strong_count() > 0);
        self.queues.push(Arc::downgrade(&queue));
        Events(queue)
    }

    pub(crate) fn tell(&mut self, event: &Event) {
        self.each(|queue| {
            if queue.waiting.len() == MAX_EVENTS {
                queue.waiting.pop_front();
            }
            queue.waiting.push_back(event.clone());
        });
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.each(|queue| queue.ended = true);
    }

    fn each(&mut self, change: impl Fn(&mut Queue)) {
        for queue in self.queues.iter().filter_map(Weak::upgrade) {
            let mut queue = locked(&queue);
            change(&mut queue);
            if let Some(reader) = queue.reader.take() {
                reader.wake();
            }
        }
    }
}

fn locked(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

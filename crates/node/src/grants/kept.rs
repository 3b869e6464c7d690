//! What of the book outlives the node: what was granted for always, what was refused for ever, and the policy.

use super::Book;
use crate::{
    engine::{Engine, store_error},
    model::{pack, unpack},
};
use hedgerow_api::{
    ApiError, Permission,
    types::{How, Level},
};
use hedgerow_base::InstanceId;
use hedgerow_bundle::grants::{Answer, Given, Policy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const KEY: &str = "grants";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// By instance, then by permission.
    answers: BTreeMap<String, BTreeMap<Permission, KeptAnswer>>,
    policy: Option<BTreeMap<Level, Vec<Permission>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptAnswer {
    /// `false`: never.
    yes: bool,
    anyway: bool,
    since_ms: u64,
    scope: Vec<String>,
}

fn kept(book: &Book) -> Kept {
    let lasting = |answer: &Answer| match answer {
        Answer::Given(given) if given.how == How::Always => Some(KeptAnswer {
            yes: true,
            anyway: given.anyway,
            since_ms: given.since_ms,
            scope: given.scope.clone(),
        }),
        Answer::Never => Some(KeptAnswer {
            yes: false,
            anyway: false,
            since_ms: 0,
            scope: Vec::new(),
        }),
        Answer::Given(_) | Answer::NotNow => None,
    };
    let answers = book.answers.iter().map(|(id, answers)| {
        let answers = answers.iter().filter_map(|(p, answer)| Some((*p, lasting(answer)?)));
        (id.to_string(), answers.collect())
    });
    Kept {
        answers: answers
            .filter(|(_, answers): &(_, BTreeMap<_, _>)| !answers.is_empty())
            .collect(),
        policy: Some(book.policy.0.clone()),
    }
}

impl Engine {
    /// Reads what was kept. What counted for the run before does not any more.
    pub(crate) fn load_grants(&mut self) -> Result<(), ApiError> {
        let bytes = self.store.meta(KEY).map_err(|e| store_error(&e))?;
        let kept: Kept = bytes.and_then(|bytes| unpack(&bytes)).unwrap_or_default();
        let answers = kept.answers.into_iter().filter_map(|(id, answers)| {
            let answers = answers.into_iter().map(|(permission, kept)| {
                let given = Given {
                    how: How::Always,
                    anyway: kept.anyway,
                    since_ms: kept.since_ms,
                    scope: kept.scope,
                };
                let answer = if kept.yes { Answer::Given(given) } else { Answer::Never };
                (permission, answer)
            });
            Some((id.parse::<InstanceId>().ok()?, answers.collect()))
        });
        let mut book = self.shared.grants.book();
        book.answers = answers.collect();
        book.policy = kept.policy.map(Policy).unwrap_or_default();
        drop(book);
        self.share_grants();
        Ok(())
    }

    /// Keeps what is lasting, inside the batch.
    pub(super) fn store_grants(&mut self) -> Result<(), ApiError> {
        let bytes = pack(&kept(&self.shared.grants.book()));
        self.stored(|store| store.set_meta(KEY, &bytes))
    }
}

//! Who may use the API: one-time login codes become session tokens; programs show the token of the data folder.
//!
//! Secrets are kept as hashes and compared without a branch that depends on them. Nothing here is written to disk:
//! when the node ends, all codes and sessions end.

use hedgerow_base::hash::{Digest, hash};
use hedgerow_sandbox::Tier;
use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a code that nobody used stays good.
const CODE_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Codes that are good at once; the oldest goes first.
const MAX_CODES: usize = 32;
/// Sessions at once; the one unused for longest goes first.
const MAX_SESSIONS: usize = 64;
/// Wrong codes in [`WINDOW`] until logins pause.
const MAX_FAILURES: usize = 10;
/// Time over which wrong codes are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoginError {
    /// Unknown, used or too old.
    #[error("this login link was used already or is too old; get another with `hedgerow login`")]
    Wrong,
    /// Too many wrong codes.
    #[error("too many wrong login codes; wait a minute, then try again")]
    TooMany,
}

/// Codes, sessions and the program token.
pub(super) struct Auth {
    program: Digest,
    seed: [u8; 32],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    made: u64,
    codes: VecDeque<(Digest, Instant, Tier)>,
    sessions: VecDeque<(Digest, Tier)>,
    failures: VecDeque<Instant>,
}

impl Auth {
    /// `token` is what programs show.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub(super) fn new(token: &str) -> io::Result<Self> {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).map_err(|e| io::Error::other(format!("this machine gives no randomness: {e}")))?;
        Ok(Self {
            program: digest(token),
            seed,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new secret: 256 bits of a keyed hash over a counter, so that only the start can lack randomness.
    fn secret(&self, state: &mut State) -> String {
        state.made = state.made.wrapping_add(1);
        let bytes = hash(
            "hedgerow 2026 session secret v1",
            &[&self.seed, &state.made.to_le_bytes()],
        );
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }

    /// A code that logs in once, a session of this tier.
    pub(super) fn new_code(&self, tier: Tier) -> String {
        self.new_code_at(tier, Instant::now())
    }

    fn new_code_at(&self, tier: Tier, now: Instant) -> String {
        let mut state = self.state();
        let code = self.secret(&mut state);
        if state.codes.len() >= MAX_CODES {
            state.codes.pop_front();
        }
        state.codes.push_back((digest(&code), now, tier));
        code
    }

    /// Takes a code and gives a session token, and the tier that the code was made for.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub(super) fn login(&self, code: &str) -> Result<(String, Tier), LoginError> {
        self.login_at(code, Instant::now())
    }

    fn login_at(&self, code: &str, now: Instant) -> Result<(String, Tier), LoginError> {
        let mut state = self.state();
        let recent = |at: &Instant| now.saturating_duration_since(*at) < WINDOW;
        while state.failures.front().is_some_and(|at| !recent(at)) {
            state.failures.pop_front();
        }
        if state.failures.len() >= MAX_FAILURES {
            return Err(LoginError::TooMany);
        }
        state
            .codes
            .retain(|(_, made, _)| now.saturating_duration_since(*made) < CODE_LIFE);
        let Some(at) = position(state.codes.iter().map(|(code, ..)| code), &digest(code)) else {
            state.failures.push_back(now);
            return Err(LoginError::Wrong);
        };
        let tier = state.codes.remove(at).map_or(Tier::Partial, |(.., tier)| tier);
        let token = self.secret(&mut state);
        if state.sessions.len() >= MAX_SESSIONS {
            state.sessions.pop_front();
        }
        state.sessions.push_back((digest(&token), tier));
        Ok((token, tier))
    }

    /// The tier of the session whose token this is, if it is one.
    pub(super) fn session(&self, token: &str) -> Option<Tier> {
        let mut state = self.state();
        let at = position(state.sessions.iter().map(|(token, _)| token), &digest(token))?;
        let used = state.sessions.remove(at)?;
        let tier = used.1;
        state.sessions.push_back(used);
        Some(tier)
    }

    /// Whether this is the token that programs read from the data folder.
    pub(super) fn is_program(&self, token: &str) -> bool {
        same(&self.program, &digest(token))
    }
}

fn digest(secret: &str) -> Digest {
    hash("hedgerow 2026 secret at rest v1", &[secret.as_bytes()])
}

/// Compares all bytes, whatever the first difference is.
fn same(a: &Digest, b: &Digest) -> bool {
    a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// Looks at all, whichever fits.
fn position<'a>(all: impl Iterator<Item = &'a Digest>, wanted: &Digest) -> Option<usize> {
    all.enumerate().fold(
        None,
        |found, (at, digest)| if same(digest, wanted) { Some(at) } else { found },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth() -> Auth {
        Auth::new("program").unwrap()
    }

    #[test]
    fn a_code_logs_in_once() {
        let auth = auth();
        let code = auth.new_code(Tier::Partial);
        let (token, tier) = auth.login(&code).unwrap();
        assert!(auth.session(&token).is_some() && !auth.is_program(&token) && auth.session("program").is_none());
        assert_eq!(auth.login(&code), Err(LoginError::Wrong));
        assert_ne!(code, token);
        assert_eq!(tier, Tier::Partial, "unless told otherwise");
        assert!(code.len() >= 43, "256 bits");
    }

    #[test]
    fn a_session_keeps_the_tier_of_its_code() {
        let auth = auth();
        let strict = auth.new_code(Tier::Strict);
        let partial = auth.new_code(Tier::Partial);
        let (partial, _) = auth.login(&partial).unwrap();
        let (strict, tier) = auth.login(&strict).unwrap();
        assert_eq!(tier, Tier::Strict);
        assert_eq!(auth.session(&strict), Some(Tier::Strict));
        assert_eq!(auth.session(&partial), Some(Tier::Partial));
    }

    #[test]
    fn the_first_code_stays_good_when_others_are_used() {
        let auth = auth();
        let first = auth.new_code(Tier::Partial);
        for _ in 0..5 {
            let code = auth.new_code(Tier::Partial);
            auth.login(&code).unwrap();
        }
        auth.login(&first).unwrap();
    }

    #[test]
    fn codes_end_after_a_day() {
        let auth = auth();
        let now = Instant::now();
        let code = auth.new_code_at(Tier::Partial, now);
        assert_eq!(auth.login_at(&code, now + CODE_LIFE), Err(LoginError::Wrong));
        let code = auth.new_code_at(Tier::Partial, now);
        assert!(auth.login_at(&code, now + CODE_LIFE - Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn wrong_codes_pause_logins_for_a_minute() {
        let auth = auth();
        let now = Instant::now();
        let code = auth.new_code_at(Tier::Partial, now);
        for _ in 0..MAX_FAILURES {
            assert_eq!(auth.login_at("wrong", now), Err(LoginError::Wrong));
        }
        assert_eq!(auth.login_at(&code, now), Err(LoginError::TooMany));
        assert!(auth.login_at(&code, now + WINDOW).is_ok());
    }

    #[test]
    fn sessions_and_codes_are_bounded() {
        let auth = auth();
        let (kept, _) = auth.login(&auth.new_code(Tier::Partial)).unwrap();
        let (lost, _) = auth.login(&auth.new_code(Tier::Partial)).unwrap();
        for _ in 0..MAX_SESSIONS - 1 {
            assert!(auth.session(&kept).is_some(), "in use, so it stays");
            auth.login(&auth.new_code(Tier::Partial)).unwrap();
        }
        assert!(auth.session(&kept).is_some() && auth.session(&lost).is_none());
        let first = auth.new_code(Tier::Partial);
        for _ in 0..MAX_CODES {
            auth.new_code(Tier::Partial);
        }
        assert_eq!(auth.login(&first), Err(LoginError::Wrong));
    }
}

//! What a permission is limited to: the hosts of `web`, the widgets of `widgets`, the access of `torrents`, room and
//! bytes. It travels in the release record as short texts, which whoever installs the widget reads.

use hedgerow_api::Permission;

/// Most hosts or widgets of a permission.
const MOST: usize = 16;
/// Bytes of web requests a day, unless the manifest says otherwise, and at most.
const WEB_BUDGET: u64 = 10 << 20;
const MOST_WEB_BUDGET: u64 = 1 << 30;
/// Bytes of storage, unless the manifest says otherwise, and at most.
const STORAGE: u64 = 10 << 20;
const MOST_STORAGE: u64 = 10 << 30;

/// What a permission is limited to. Empty for permissions that have no parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// `web`: host names, in lower case; `*.` in front means every name below it.
    pub hosts: Vec<String>,
    /// `widgets`: UUIDs of widgets, or names of apps.
    pub widgets: Vec<String>,
    /// `torrents`: whether it may also add downloads.
    pub add: bool,
    /// `web`: bytes a day in both directions; `storage`: bytes in all. 0 for others.
    pub bytes: u64,
}

/// Why a scope cannot be used: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScopeError(String);

fn wrong<T>(why: String) -> Result<T, ScopeError> {
    Err(ScopeError(why))
}

impl Scope {
    /// The texts of a release record. An empty scope has none.
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.hosts.iter().chain(&self.widgets).cloned().collect();
        if self.add {
            texts.push("add".into());
        }
        if self.bytes > 0 {
            texts.push(format!("bytes:{}", self.bytes));
        }
        texts
    }

    /// Reads the texts of a release record or of the store, for a permission. A record of an earlier version has none.
    ///
    /// # Errors
    /// Says which text is wrong.
    pub fn of(permission: Permission, texts: &[String]) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        if texts.len() > MOST + 2 {
            return wrong(format!("{permission} names more than {MOST} things"));
        }
        for text in texts {
            match (permission, text.strip_prefix("bytes:")) {
                (Permission::Web | Permission::Storage, Some(number)) => match number.parse() {
                    Ok(bytes) => scope.bytes = bytes,
                    Err(_) => return wrong(format!("{number:?} is no number of bytes")),
                },
                (Permission::Web, None) => scope.hosts.push(host_pattern(text)?),
                (Permission::Widgets, None) => scope.widgets.push(app(text)?),
                (Permission::Torrents, None) if text == "add" => scope.add = true,
                _ => return wrong(format!("{permission} has no parameter {text:?}")),
            }
        }
        scope.bounded(permission)
    }

    /// Defaults and bounds, and that what needs a list has one.
    fn bounded(mut self, permission: Permission) -> Result<Self, ScopeError> {
        let most = match permission {
            Permission::Web => {
                self.bytes = if self.bytes == 0 { WEB_BUDGET } else { self.bytes };
                MOST_WEB_BUDGET
            }
            Permission::Storage => {
                self.bytes = if self.bytes == 0 { STORAGE } else { self.bytes };
                MOST_STORAGE
            }
            _ => 0,
        };
        if self.bytes > most {
            return wrong(format!("{permission}: at most {} MB", most >> 20));
        }
        if self.hosts.len() > MOST || self.widgets.len() > MOST {
            return wrong(format!("{permission} names more than {MOST} things"));
        }
        Ok(self)
    }

    /// Whether a web request may go to a host, which is written as in an address: lower case, no final dot.
    pub fn allows_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(below) => host
                .strip_suffix(below)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => pattern == host,
        })
    }

    /// Whether messages may go to an app: the UUID of a widget or a name, in lower case.
    pub fn allows_app(&self, app: &str) -> bool {
        self.widgets.iter().any(|known| known == app)
    }

    /// Whether this allows nothing that `other` does not.
    pub fn is_within(&self, other: &Self) -> bool {
        let hosts = self.hosts.iter().all(|host| match host.strip_prefix("*.") {
            None => other.allows_host(host),
            Some(below) => other.hosts.contains(host) || other.allows_host(below),
        });
        hosts
            && self.widgets.iter().all(|widget| other.widgets.contains(widget))
            && self.bytes <= other.bytes
            && (!self.add || other.add)
    }

    /// The limits as the end of a sentence; empty if there are none.
    pub fn words(&self) -> String {
        let size = || match self.bytes >> 20 {
            0 => format!("{} kB", self.bytes.div_ceil(1024)),
            mb => format!("{mb} MB"),
        };
        match (self.hosts.is_empty(), self.widgets.is_empty(), self.bytes) {
            (false, ..) => format!(": {} ({} a day)", self.hosts.join(", "), size()),
            (true, false, _) => format!(": {}", self.widgets.join(", ")),
            (true, true, 1..) => format!(", up to {}", size()),
            _ => String::new(),
        }
    }
}

/// `example.org` or `*.example.org`: a name with at least one dot, no address, nothing that means this network.
fn host_pattern(text: &str) -> Result<String, ScopeError> {
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_prefix("*.").unwrap_or(&lower);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let named = name.len() <= 253 && name.contains('.') && name.split('.').all(label);
    let inside = ["localhost", "local", "internal", "lan", "home.arpa", "onion"];
    let is_inside = inside.iter().any(|end| {
        name.strip_suffix(end)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    let numeric = name
        .rsplit('.')
        .next()
        .is_some_and(|end| end.chars().all(|c| c.is_ascii_digit()));
    match named && !is_inside && !numeric {
        true => Ok(lower),
        false => wrong(format!(
            "{text:?} is no host name of the internet; write \"example.org\", or \"*.example.org\" for every name below it"
        )),
    }
}

/// The UUID of a widget, or the name of an app.
fn app(text: &str) -> Result<String, ScopeError> {
    match text.parse::<hedgerow_base::AppName>() {
        Ok(_) => Ok(text.trim().to_ascii_lowercase()),
        Err(e) => wrong(format!("{text:?}: {e}")),
    }
}

#[cfg(test)]
mod tests;

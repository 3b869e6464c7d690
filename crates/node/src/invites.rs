//! Invitations: what one person gives another so that both share a space.
//!
//! An invitation carries the sync core's invite (genesis, keys, proof), the inviter's words for it, and tickets of
//! nodes that are in the space, so that one text is enough. Whoever holds it can join: it is as secret as the space.

use crate::{
    engine::Engine,
    handle::{NodeHandle, unknown_instance},
    notices::clean,
    widgets,
};
use data_encoding::BASE64URL_NOPAD;
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{InstallParams, Instance, Invite, InvitePreview, SpaceKind},
};
use hedgerow_base::{InstanceId, WidgetId, hash::hash};
use hedgerow_net::{ConnectError, Ticket};
use minicbor::{Decode, Encode};
use std::{future::Future, time::Duration};

const PREFIX: &str = "hedgeinvite1";
/// Longest text that is looked at.
const LONGEST: usize = 16 << 10;
const MOST_TICKETS: usize = 4;
/// How long a join waits for the widget to turn up among the peers.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
struct Body {
    /// The sync core's invite; empty for a public space, which needs none.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    invite: Vec<u8>,
    #[n(1)]
    widget: WidgetId,
    /// 0 private, 1 invited, 2 public.
    #[n(2)]
    kind: u8,
    /// Name of the inviter.
    #[n(3)]
    from: String,
    /// Name of the instance.
    #[n(4)]
    name: String,
    /// Name of the widget.
    #[n(5)]
    widget_name: String,
    #[n(6)]
    tickets: Vec<String>,
    /// Pseudonym of the inviter.
    #[n(7)]
    from_pseudonym: hedgerow_base::Pseudonym,
}

/// A sound invitation.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    body: Body,
}

impl Invitation {
    /// Reads the text, or a link that contains it.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let refuse = |why: &str| ApiError::new(ErrorCode::BadParams, why.to_owned());
        let start = text
            .find(PREFIX)
            .ok_or_else(|| refuse("this is no invitation; one begins with hedgeinvite1"))?;
        let rest = &text[start + PREFIX.len()..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .unwrap_or(rest.len());
        let damaged = || refuse("the invitation is damaged; copy it again, whole");
        if end > LONGEST {
            return Err(damaged());
        }
        let bytes = BASE64URL_NOPAD.decode(&rest.as_bytes()[..end]).map_err(|_| damaged())?;
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        if hash("hedgerow 2026 invitation checksum v1", &[body])[..4] != *sum {
            return Err(damaged());
        }
        let body: Body = minicbor::decode(body).map_err(|_| damaged())?;
        if body.tickets.len() > MOST_TICKETS || body.kind > 2 {
            return Err(damaged());
        }
        Ok(Self { body })
    }
    pub(crate) fn text(&self) -> String {
        Self::wrapped(&minicbor::to_vec(&self.body).unwrap_or_default())
    }
    /// Body and checksum as text.
    pub(crate) fn wrapped(body: &[u8]) -> String {
        let sum = hash("hedgerow 2026 invitation checksum v1", &[body]);
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&[body, &sum[..4]].concat()))
    }
    pub(crate) fn widget(&self) -> WidgetId {
        self.body.widget
    }
    pub(crate) fn kind(&self) -> SpaceKind {
        match self.body.kind {
            0 => SpaceKind::Private,
            1 => SpaceKind::Invited,
            _ => SpaceKind::Public,
        }
    }
    pub(crate) fn name(&self) -> String {
        clean(&self.body.name, 64)
    }
    pub(crate) fn core(&self) -> &[u8] {
        &self.body.invite
    }
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.body.tickets.iter().filter_map(|t| t.parse().ok()).collect()
    }
}

/// A QR picture (SVG) of a text; empty when it is too long for one.
pub(crate) fn qr(text: &str) -> String {
    use qrcode::{EcLevel, QrCode, render::svg};
    // Tickets are the same in upper case, which needs fewer dots.
    let compact = if text.starts_with("hedge1") {
        text.to_ascii_uppercase()
    } else {
        text.to_owned()
    };
    let code = QrCode::with_error_correction_level(compact.as_bytes(), EcLevel::L);
    code.map(|code| {
        code.render::<svg::Color<'_>>()
            .min_dimensions(240, 240)
            .quiet_zone(true)
            .build()
    })
    .unwrap_or_default()
}

/// Waits until one of the dials stands, or all failed, at most 15 seconds.
pub(crate) async fn wait_for_any(dials: Vec<impl Future<Output = Result<(), ConnectError>> + Send + 'static>) {
    let mut set = tokio::task::JoinSet::new();
    for dial in dials {
        set.spawn(dial);
    }
    let first = async {
        while let Some(done) = set.join_next().await {
            if matches!(done, Ok(Ok(()))) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(15), first).await;
    // The others go on in the background.
    set.detach_all();
}

/// Installs a widget as soon as the directory knows it.
pub(crate) async fn install_when_known(
    node: &NodeHandle,
    widget: WidgetId,
    params: InstallParams,
) -> Result<(), ApiError> {
    let started = tokio::time::Instant::now();
    loop {
        let known = node.with(move |e| e.knows_widget(&widget)).await?;
        if known {
            return widgets::install(node, params).await.map(|_| ());
        }
        if started.elapsed() > PATIENCE {
            return Err(ApiError::new(
                ErrorCode::Unreachable,
                "no connected peer knows this widget; ask the person who invited you to be online, then join again",
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Engine {
    pub(crate) fn invite(&mut self, id: &InstanceId) -> Result<Invite, ApiError> {
        let state = self.live_instance(id)?.clone();
        let space = self.spaces.get(&state.space).ok_or_else(|| unknown_instance(id))?;
        let kind = space.data.kind;
        if kind == SpaceKind::Private {
            return Err(ApiError::new(
                ErrorCode::Refused,
                "this widget is only yours; place it again with --space invited to share it with people you choose",
            ));
        }
        let installed = self.installed.get(&state.widget);
        if installed.is_none_or(|i| i.current.release.is_none()) {
            return Err(ApiError::new(
                ErrorCode::Refused,
                "others cannot get this widget: it was installed from a file; publish it first with `hedgerow widget publish`",
            ));
        }
        let widget_name = installed.map(|i| i.current.name.clone()).unwrap_or_default();
        let invite = self.core_invite(&state.space)?;
        let mut tickets = vec![self.net.ticket().to_string()];
        tickets.extend(self.member_tickets(&state.space, MOST_TICKETS - 1));
        let body = Body {
            invite,
            widget: state.widget,
            kind: match kind {
                SpaceKind::Private => 0,
                SpaceKind::Invited => 1,
                SpaceKind::Public => 2,
            },
            from: self.shown_name(),
            name: state.data.name,
            widget_name,
            tickets,
            from_pseudonym: self.identity.pseudonym_key(&state.widget).public().into(),
        };
        let invite = Invitation { body }.text();
        let link = format!("http://hub.localhost:4400/#invite={invite}");
        Ok(Invite {
            qr_svg: qr(&invite),
            link,
            invite,
        })
    }

    pub(crate) fn preview_invite(&mut self, text: &str) -> Result<InvitePreview, ApiError> {
        let invite = Invitation::parse(text)?;
        let space = self.core_invite_space(&invite)?;
        let joined = self
            .instances
            .iter()
            .find(|(_, s)| s.space == space && s.removed_ms.is_none());
        let summary = self.widget_summary(&invite.body.widget)?;
        Ok(InvitePreview {
            from: clean(&invite.body.from, 64),
            from_pseudonym: invite.body.from_pseudonym.to_string(),
            uuid: invite.body.widget.to_string(),
            widget_name: clean(&invite.body.widget_name, 64),
            name: invite.name(),
            space: invite.kind(),
            joined: joined.map(|(id, _)| id.to_string()),
            local: self.installed.contains_key(&invite.body.widget),
            summary,
        })
    }

    /// Joins the space of an invitation, or brings back the instance that is in it already.
    pub(crate) fn join_space(&mut self, invite: &Invitation) -> Result<Instance, ApiError> {
        let space = self.core_invite_space(invite)?;
        let known = self
            .instances
            .iter()
            .find(|(_, s)| s.space == space)
            .map(|(id, s)| (*id, s.removed_ms));
        match known {
            Some((id, None)) => {
                // One who was removed may be invited again.
                self.open_joined(invite)?;
                self.emit(hedgerow_api::Event::InstancesChanged {});
                return self.instance(&id);
            }
            Some((id, Some(_))) => {
                self.open_joined(invite)?;
                return self.undo_remove(&id);
            }
            None => {}
        }
        self.open_joined(invite)?;
        let name = Some(invite.name())
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| clean(&invite.body.widget_name, 64));
        self.place_instance(space, &invite.widget(), name, None, None)
    }
}

#[cfg(test)]
mod tests;

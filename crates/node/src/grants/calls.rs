//! The calls `grant.*`.

use super::{Book, Wanting};
use crate::{
    dispatch::{forgotten, value},
    engine::{Engine, system_now_ms},
    handle::NodeHandle,
};
use hedgerow_api::{
    ApiError, ErrorCode, Permission, Request,
    types::{
        DenyParams, GrantInfo, GrantListParams, GrantParams, GrantPolicy, GrantState, How, InstanceGrants, Level,
        RevokeGrantParams, SetGrantPolicyParams, Tier,
    },
};
use hedgerow_base::InstanceId;
use hedgerow_bundle::{
    Asked,
    grants::{Answer, Given, Need, Of, Verdict},
};
use serde_json::Value;

/// Carries out the methods about grants, for the owner. `tier` is that of the dashboard that calls.
pub(crate) async fn call(node: &NodeHandle, tier: Tier, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::GrantList(p) => value(node.with(move |e| e.grant_list(&p, tier)).await?),
        Request::GrantGive(p) => {
            let line = format!("grant {}: {}", p.permission, words(p.how));
            let given = node.with(move |e| e.give(&p, tier)).await?;
            node.audit.say(&given.instance, &line);
            value(given)
        }
        Request::GrantDeny(p) => {
            let line = format!(
                "deny {}: {}",
                p.permission,
                if p.never { "for ever" } else { "for now" }
            );
            let denied = node.with(move |e| e.deny(&p, tier)).await?;
            node.audit.say(&denied.instance, &line);
            value(denied)
        }
        Request::GrantRevoke(p) => {
            let what = p.permission.map_or("everything", Permission::name);
            let line = format!("revoke {what}");
            let revoked = node.with(move |e| e.revoke_grant(&p, tier)).await?;
            node.audit.say(&revoked.instance, &line);
            value(revoked)
        }
        Request::GrantPolicy(_) => value(node.with(|e| Ok(e.grant_policy())).await?),
        Request::GrantSetPolicy(p) => value(node.with(move |e| e.set_grant_policy(p)).await?),
        other => Err(forgotten(&other)),
    }
}

const fn words(how: How) -> &'static str {
    match how {
        How::Once => "once",
        How::WhileOpen => "while open",
        How::Always => "always",
    }
}

/// How one permission of an instance stands.
fn info(book: &Book, id: &InstanceId, asked: &Asked, permission: Permission, tier: Tier) -> GrantInfo {
    let answer = book.answers.get(id).and_then(|answers| answers.get(&permission));
    // Not about one host or app: whether there is a grant at all.
    let need = Need {
        permission,
        of: Of::Nothing,
    };
    let now = system_now_ms();
    let verdict = book
        .verdict(id, Wanting::Page(tier), &need, now)
        .unwrap_or(Verdict::Ask);
    let given = match answer {
        Some(Answer::Given(given)) => Some(given),
        Some(Answer::NotNow | Answer::Never) | None => None,
    };
    let today = book.spent.get(id).filter(|spent| spent.day == now / super::DAY_MS);
    GrantInfo {
        permission,
        sentence: hedgerow_bundle::sentence(permission.name(), &asked.scope),
        reason: asked.reason.clone(),
        scope: asked.scope.clone(),
        state: match (answer, &verdict) {
            (Some(Answer::Never), _) => GrantState::Never,
            (Some(Answer::NotNow), _) => GrantState::NotNow,
            (_, verdict) if verdict.is_yes() => GrantState::Allowed,
            _ => GrantState::Ask,
        },
        how: given.map(|given| given.how),
        by_policy: verdict == Verdict::ByPolicy,
        since_ms: given.map(|given| given.since_ms),
        private: permission.is_private(),
        anyway: given.is_some_and(|given| given.anyway),
        single: permission.is_single(),
        bytes_today: match permission {
            Permission::Web => today.map_or(0, |spent| spent.bytes),
            _ => 0,
        },
        features: permission.features().iter().map(|f| (*f).to_owned()).collect(),
    }
}

impl Engine {
    fn grant_list(&self, p: &GrantListParams, tier: Tier) -> Result<Vec<InstanceGrants>, ApiError> {
        if let Some(instance) = &p.instance {
            let id = self.granting(instance)?;
            return Ok(vec![self.grants_of(&id, tier)?]);
        }
        let placed = self.instances.iter().filter(|(_, state)| state.removed_ms.is_none());
        let ids: Vec<InstanceId> = placed.map(|(id, _)| *id).collect();
        ids.iter().map(|id| self.grants_of(id, tier)).collect()
    }

    fn grants_of(&self, id: &InstanceId, tier: Tier) -> Result<InstanceGrants, ApiError> {
        let state = self.live_instance(id)?;
        let book = self.shared.grants.book();
        let entry = book.entries.get(id);
        let asked = entry.into_iter().flat_map(|entry| &entry.asked);
        let grants = asked.filter_map(|asked| {
            let permission = Permission::named(&asked.name).filter(|p| p.for_widget().is_some())?;
            Some(info(&book, id, asked, permission, tier))
        });
        Ok(InstanceGrants {
            instance: id.to_string(),
            name: state.data.name.clone(),
            uuid: state.widget.to_string(),
            level: entry.map_or(Level::Stranger, |entry| entry.level),
            grants: grants.collect(),
        })
    }

    /// What an instance asks for under this name.
    fn asked(&self, id: &InstanceId, permission: Permission) -> Result<Asked, ApiError> {
        let book = self.shared.grants.book();
        let entry = book.entries.get(id);
        let asked = entry.and_then(|entry| entry.asked.iter().find(|asked| asked.name == permission.name()));
        asked.cloned().ok_or_else(|| {
            ApiError::new(
                ErrorCode::Refused,
                format!("the widget does not ask for {permission}; `hedgerow grant list` shows what it asks for"),
            )
        })
    }

    /// Writes down what the person said, for each permission; `None` forgets what they said before.
    fn answer(&mut self, id: &InstanceId, said: Vec<(Permission, Option<Answer>)>) -> Result<(), ApiError> {
        let mut book = self.shared.grants.book();
        let answers = book.answers.entry(*id).or_default();
        for (permission, answer) in said {
            match answer {
                Some(answer) => answers.insert(permission, answer),
                None => answers.remove(&permission),
            };
        }
        drop(book);
        self.store_grants()?;
        self.grants_took_effect(&[*id]);
        Ok(())
    }

    fn give(&mut self, p: &GrantParams, tier: Tier) -> Result<InstanceGrants, ApiError> {
        let id = self.granting(&p.instance)?;
        let asked = self.asked(&id, p.permission)?;
        let refused = |why: &str| Err(ApiError::new(ErrorCode::Refused, why));
        if p.how == How::Once && !p.permission.is_single() {
            return refused("this goes on for as long as the widget runs: grant it while open, or always");
        }
        if p.permission.is_private() && tier == Tier::Partial && !p.anyway {
            return refused(
                "this browser fences widgets only in part, so what the widget learns may leave this machine; \
                 use `hedgerow open`, or grant it anyway",
            );
        }
        let given = Given {
            how: p.how,
            anyway: p.anyway,
            since_ms: self.now_ms(),
            scope: asked.scope,
        };
        self.answer(&id, vec![(p.permission, Some(Answer::Given(given)))])?;
        self.grants_of(&id, tier)
    }

    fn deny(&mut self, p: &DenyParams, tier: Tier) -> Result<InstanceGrants, ApiError> {
        let id = self.granting(&p.instance)?;
        self.asked(&id, p.permission)?;
        let answer = if p.never { Answer::Never } else { Answer::NotNow };
        self.answer(&id, vec![(p.permission, Some(answer))])?;
        self.grants_of(&id, tier)
    }

    /// A policy would allow it again at once: then it is the person's no that counts until they change it.
    fn revoke_grant(&mut self, p: &RevokeGrantParams, tier: Tier) -> Result<InstanceGrants, ApiError> {
        let id = self.granting(&p.instance)?;
        let all = self.grants_of(&id, tier)?.grants;
        if let Some(permission) = p.permission {
            self.asked(&id, permission)?;
        }
        let book = self.shared.grants.book();
        let level = book.entries.get(&id).map_or(Level::Stranger, |entry| entry.level);
        let meant = all.iter().filter(|g| p.permission.is_none_or(|p| p == g.permission));
        let said = meant.map(|grant| {
            let was_no = matches!(grant.state, GrantState::Never | GrantState::NotNow);
            let by_policy = book.policy.allows(level, grant.permission) && !was_no;
            (grant.permission, by_policy.then_some(Answer::Never))
        });
        let said = said.collect();
        drop(book);
        self.answer(&id, said)?;
        self.grants_of(&id, tier)
    }

    fn grant_policy(&self) -> GrantPolicy {
        let book = self.shared.grants.book();
        let of = |level| book.policy.0.get(&level).cloned().unwrap_or_default();
        GrantPolicy {
            own: of(Level::Own),
            trusted: of(Level::Trusted),
            strangers: of(Level::Stranger),
        }
    }

    fn set_grant_policy(&mut self, p: SetGrantPolicyParams) -> Result<GrantPolicy, ApiError> {
        let lists = [
            (Level::Own, p.own),
            (Level::Trusted, p.trusted),
            (Level::Stranger, p.strangers),
        ];
        for (level, list) in lists {
            let Some(mut list) = list else { continue };
            if let Some(private) = list.iter().find(|p| p.is_private() || p.for_widget().is_none()) {
                return Err(ApiError::new(
                    ErrorCode::Refused,
                    format!("{private} cannot be allowed without asking"),
                ));
            }
            list.sort_unstable();
            list.dedup();
            self.shared.grants.book().policy.0.insert(level, list);
        }
        self.store_grants()?;
        let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
        self.grants_took_effect(&ids);
        Ok(self.grant_policy())
    }
}

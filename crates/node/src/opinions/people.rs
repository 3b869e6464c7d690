//! People as the directory knows them: by key.

use super::{View, settings::subject_text};
use crate::{
    engine::{Engine, store_error},
    opinions::WITHDRAWN,
};
use hedgerow_api::{
    ApiError,
    types::{Certificate as CertificateOut, CertificatesParams, Person, PersonDetail, Reason, Role as RoleOut},
};
use hedgerow_base::{PersonId, RecordId, WidgetId};
use hedgerow_directory::Record;
use hedgerow_trust::standing::Hidden;
use hedgerow_wire::directory::{KIND_CERTIFICATE, KIND_COMMENT, KIND_RATING, Role, Subject, What};

pub(crate) const fn role_out(role: Role) -> RoleOut {
    match role {
        Role::Vouch => RoleOut::Vouch,
        Role::Moderator => RoleOut::Moderator,
        Role::Block => RoleOut::Block,
        Role::Report => RoleOut::Report,
    }
}

impl Engine {
    pub(crate) fn person_name(&self, person: &PersonId) -> Result<String, ApiError> {
        if *person == self.me() {
            return Ok(self.shown_name());
        }
        self.store.person_name(person).map_err(|e| store_error(&e))
    }
    pub(crate) fn person(&self, person: &PersonId) -> Result<Person, ApiError> {
        Ok(Person {
            key: person.to_string(),
            name: self.person_name(person)?,
            trust: self.opinions.view.standing.trust(person),
            me: *person == self.me(),
            trusted: self.opinions.kept.trusts(person),
        })
    }
    pub(crate) fn subject_name(&self, subject: &Subject) -> Result<String, ApiError> {
        match subject {
            Subject::Person(person) => self.person_name(person),
            Subject::Widget(widget) => Ok(self.head_summary(widget)?.map(|s| s.name).unwrap_or_default()),
        }
    }
    /// Key of a widget's author, if a release of it is known.
    pub(crate) fn author_of(&self, widget: &WidgetId) -> Result<Option<PersonId>, ApiError> {
        let kin = self.store.kin_of(widget).map_err(|e| store_error(&e))?;
        Ok(kin.map(|kin| kin.author))
    }
    /// Why something is hidden, as a sentence.
    pub(crate) fn hidden(&self, subject: &Subject) -> Result<Option<String>, ApiError> {
        Ok(match self.opinions.view.standing.hidden(subject) {
            None => None,
            Some(Hidden::Own) => Some("You blocked it.".into()),
            Some(Hidden::List(person)) => Some(format!(
                "{} blocks it, whose block list you use.",
                self.called(&person)?
            )),
        })
    }
    /// How somebody is called in a sentence.
    pub(crate) fn called(&self, person: &PersonId) -> Result<String, ApiError> {
        let name = self.person_name(person)?;
        Ok(if name.is_empty() {
            format!("Somebody ({})", person.short())
        } else {
            name
        })
    }

    /// A certificate from its record; none if it was taken back.
    pub(crate) fn certificate(&self, id: RecordId, bytes: &[u8]) -> Result<Option<CertificateOut>, ApiError> {
        let record = Record::from_bytes(bytes).ok();
        let Some(said) = record.as_ref().and_then(Record::said) else {
            return Ok(None);
        };
        let What::Certificate(certificate) = &said.what else {
            return Ok(None);
        };
        if certificate.revoked {
            return Ok(None);
        }
        Ok(Some(CertificateOut {
            id: id.to_string(),
            by: self.person(&said.by)?,
            role: role_out(certificate.role),
            subject: subject_text(&certificate.subject),
            name: self.subject_name(&certificate.subject)?,
            reason: crate::notices::clean(&certificate.reason, 300),
            time_ms: said.created_ms.min(self.now_ms()),
        }))
    }
    fn certificates(&self, rows: Vec<hedgerow_store::said::SaidRow>) -> Result<Vec<CertificateOut>, ApiError> {
        let mut list = Vec::new();
        for row in rows.into_iter().filter(|row| row.value != WITHDRAWN) {
            let bytes = self.store.record(&row.id).map_err(|e| store_error(&e))?;
            if let Some(bytes) = bytes {
                list.extend(self.certificate(row.id, &bytes)?);
            }
        }
        // Those of the most trusted first.
        list.sort_by(|a, b| b.by.trust.total_cmp(&a.by.trust));
        list.truncate(200);
        Ok(list)
    }
    pub(crate) fn certificates_about(&self, subject: &Subject) -> Result<Vec<CertificateOut>, ApiError> {
        let rows = match subject {
            Subject::Widget(widget) => self.store.said_on(widget, KIND_CERTIFICATE),
            Subject::Person(person) => self.store.said_about(person, KIND_CERTIFICATE),
        };
        self.certificates(rows.map_err(|e| store_error(&e))?)
    }
    pub(crate) fn certificates_by(&self, person: &PersonId) -> Result<Vec<CertificateOut>, ApiError> {
        let rows = self
            .store
            .said_by(person, KIND_CERTIFICATE)
            .map_err(|e| store_error(&e))?;
        self.certificates(rows)
    }
    pub(crate) fn certificate_list(&self, p: &CertificatesParams) -> Result<Vec<CertificateOut>, ApiError> {
        match (&p.subject, &p.by) {
            (Some(about), None) => self.certificates_about(&super::settings::subject(about)?),
            (None, Some(by)) => self.certificates_by(&crate::dispatch::parsed(by)?),
            (Some(about), Some(by)) => {
                let by: PersonId = crate::dispatch::parsed(by)?;
                let list = self.certificates_about(&super::settings::subject(about)?)?;
                Ok(list.into_iter().filter(|c| c.by.key == by.to_string()).collect())
            }
            (None, None) => self.certificates_by(&self.me()),
        }
    }

    pub(crate) fn person_detail(&self, person: &PersonId) -> Result<PersonDetail, ApiError> {
        let rows = self.store.widgets_of(person).map_err(|e| store_error(&e))?;
        let mut widgets = Vec::new();
        for kin in &rows {
            widgets.extend(self.widget_summary(&kin.widget)?);
        }
        let count = |kind| -> Result<u32, ApiError> {
            let rows = self.store.said_by(person, kind).map_err(|e| store_error(&e))?;
            let standing = rows.iter().filter(|row| kind != KIND_RATING || row.value != WITHDRAWN);
            Ok(u32::try_from(standing.count()).unwrap_or(u32::MAX))
        };
        let view = self.opinions.view.clone();
        let two_faced = rows.iter().any(|kin| self.directory.is_two_faced(&kin.widget));
        Ok(PersonDetail {
            person: self.person(person)?,
            reputation: view.standing.reputation(&view.evidence, person),
            two_faced,
            blocked: self.hidden(&Subject::Person(*person))?,
            widgets,
            ratings: count(KIND_RATING)?,
            comments: count(KIND_COMMENT)?,
            about: self.certificates_about(&Subject::Person(*person))?,
            given: self.certificates_by(person)?,
            reasons: self.person_reasons(person, &view, two_faced)?,
        })
    }

    fn person_reasons(&self, person: &PersonId, view: &View, two_faced: bool) -> Result<Vec<Reason>, ApiError> {
        let mut reasons = Vec::new();
        let mut say = |text: String, weight: f64| reasons.push(Reason { text, weight });
        let evidence = &view.evidence;
        if *person == self.me() {
            say("This is you.".into(), 1.0);
        }
        if two_faced {
            say(
                "Signed two releases that exclude each other: their key is not safe, or they are not honest.".into(),
                -1.0,
            );
        }
        if evidence.trusted.contains(person) {
            say("You put them on the list of people whose word counts.".into(), 1.0);
        }
        if evidence.contacts.contains(person) {
            say("You connected to them yourself.".into(), 0.5);
        }
        let proven = evidence
            .proven
            .iter()
            .filter(|w| evidence.authors.get(*w) == Some(person))
            .count();
        if proven > 0 {
            say(format!("You use {} of theirs.", widgets(proven)), 0.5);
        }
        for certificate in &evidence.certificates {
            if certificate.subject != Subject::Person(*person) {
                continue;
            }
            let trust = view.standing.trust(&certificate.by);
            if trust < hedgerow_trust::standing::KNOWN {
                continue;
            }
            let who = self.called(&certificate.by)?;
            match certificate.role {
                Role::Vouch => say(format!("{who} vouches for them."), trust),
                Role::Moderator => say(format!("{who} follows their judgement."), trust),
                Role::Block => say(format!("{who} blocks them."), -trust),
                Role::Report => say(format!("{who} reports them."), -trust),
            }
        }
        let (same, other) = view.agreement(&self.me(), person);
        if same + other >= 3 {
            let weight = (f64::from(same) - f64::from(other)) / f64::from(same + other);
            say(
                format!("You judged {} alike and {} otherwise.", widgets(same as usize), other),
                weight,
            );
        }
        if reasons.is_empty() {
            let text = "Nobody you trust says anything of them: to this node they are a stranger.".into();
            reasons.push(Reason { text, weight: 0.0 });
        }
        reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        Ok(reasons)
    }
}

/// "1 widget", "3 widgets".
pub(crate) fn widgets(count: usize) -> String {
    if count == 1 {
        "1 widget".into()
    } else {
        format!("{count} widgets")
    }
}

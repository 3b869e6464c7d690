//! The book in the store, as JSON. Unknown fields are ignored, and rows that cannot be read are left out.

use hedgerow_files::{Book, Plan, Settings, State, Transfer, TransferId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that outlives the program.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    folder: Option<String>,
    max_size: Option<u64>,
    /// Hex of users, and bytes a day.
    #[serde(default)]
    always: BTreeMap<String, u64>,
    #[serde(default)]
    transfers: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    number: u64,
    /// Hex.
    id: String,
    incoming: bool,
    peer: String,
    size: u64,
    /// Hex.
    hash: String,
    name: String,
    place: String,
    state: String,
    why: String,
    by_rule: bool,
    created_ms: u64,
    changed_ms: u64,
}

fn row(t: &Transfer) -> Row {
    Row {
        number: t.number,
        id: format!("{:?}", t.id),
        incoming: t.incoming,
        peer: t.peer.to_string(),
        size: t.plan.size,
        hash: data_encoding::HEXLOWER.encode(&t.plan.hash),
        name: t.name.clone(),
        place: t.place.clone(),
        state: t.state.name().into(),
        why: t.why.clone(),
        by_rule: t.by_rule,
        created_ms: t.created_ms,
        changed_ms: t.changed_ms,
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

fn transfer(row: Row) -> Option<Transfer> {
    let plan = Plan {
        size: row.size,
        hash: bytes(&row.hash)?,
    };
    let id = TransferId(bytes(&row.id)?);
    let mut transfer = Transfer::new(id, row.incoming, row.peer.parse().ok()?, plan, row.name);
    transfer.number = row.number;
    transfer.place = row.place;
    transfer.state = State::named(&row.state)?;
    transfer.why = row.why;
    transfer.by_rule = row.by_rule;
    transfer.created_ms = row.created_ms;
    transfer.changed_ms = row.changed_ms;
    Some(transfer)
}

impl Kept {
    pub(super) fn of(book: &Book, folder: Option<String>) -> Self {
        let settings = book.settings();
        Self {
            folder,
            max_size: Some(settings.max_size),
            always: settings
                .always
                .iter()
                .map(|(user, size)| (user.to_string(), *size))
                .collect(),
            transfers: book.to_keep().map(row).collect(),
        }
    }

    pub(super) fn into_book(self) -> (Book, Option<String>) {
        let mut settings = Settings::default();
        settings.max_size = self.max_size.unwrap_or(settings.max_size);
        let always = self.always.into_iter();
        settings.always = always
            .filter_map(|(user, size)| Some((user.parse().ok()?, size)))
            .collect();
        let transfers = self.transfers.into_iter().filter_map(transfer);
        (Book::load(settings, transfers), self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_base::{NodeId, UserId};

    #[test]
    fn the_book_comes_back_as_it_was_kept_and_a_damaged_row_costs_only_itself() {
        let plan = Plan { size: 5, hash: [3; 32] };
        let mut sent = Transfer::new(TransferId([1; 16]), false, NodeId([2; 32]), plan, "a.txt".into());
        sent.number = 4;
        sent.place = "/media/a.txt".into();
        sent.state = State::Waiting;
        let mut settings = Settings::default();
        settings.always.insert(UserId([7; 32]), 1000);
        let book = Book::load(settings, [sent]);
        let mut kept = Kept::of(&book, Some("/in".into()));
        kept.transfers.push(Row {
            hash: "xx".into(),
            number: 9,
            ..row(book.get(4).expect("there"))
        });
        let bytes = crate::model::pack(&kept);
        let (again, folder) = crate::model::unpack::<Kept>(&bytes).expect("read").into_book();
        assert_eq!(
            again.transfers().collect::<Vec<_>>(),
            book.transfers().collect::<Vec<_>>()
        );
        assert_eq!((again.settings(), folder.as_deref()), (book.settings(), Some("/in")));
    }
}

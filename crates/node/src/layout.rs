//! Boards and places: kept by the node, the same in every tab.

use crate::{
    engine::{Engine, store_error},
    model::pack,
};
use hedgerow_api::{
    ApiError, ErrorCode, Event,
    types::{Board, Layout, Tile},
};
use hedgerow_base::InstanceId;
use std::collections::BTreeSet;

const KEY: &str = "layout";
const COLUMNS: u16 = 12;
const MOST_BOARDS: usize = 32;
const MOST_TILES: usize = 200;
const LOWEST_ROW: u16 = 10_000;

/// The layout of a new node: one empty board.
pub(crate) fn first() -> Layout {
    Layout {
        revision: 0,
        boards: vec![Board {
            id: "home".into(),
            name: "Home".into(),
            tiles: Vec::new(),
        }],
    }
}

impl Engine {
    pub(crate) fn load_layout(&mut self) -> Result<(), ApiError> {
        if let Some(layout) = self
            .store
            .meta(KEY)
            .map_err(|e| store_error(&e))?
            .and_then(|bytes| crate::model::unpack::<Layout>(&bytes))
        {
            self.layout = layout;
        }
        Ok(())
    }

    /// Replaces the layout when the caller has seen the present one.
    pub(crate) fn set_layout(&mut self, new: Layout) -> Result<Layout, ApiError> {
        if new.revision != self.layout.revision {
            return Err(ApiError::new(
                ErrorCode::Refused,
                format!(
                    "the boards were changed elsewhere (revision {}); read them again",
                    self.layout.revision
                ),
            ));
        }
        let mut new = checked(new)?;
        new.boards.iter_mut().for_each(|board| {
            board.tiles.retain(|tile| {
                tile.instance
                    .parse::<InstanceId>()
                    .is_ok_and(|id| self.instances.get(&id).is_some_and(|i| i.removed_ms.is_none()))
            });
        });
        self.put_layout(new)?;
        Ok(self.layout.clone())
    }

    /// Places a new instance below everything on a board (the first one unless named).
    pub(crate) fn place(
        &mut self,
        instance: InstanceId,
        board: Option<&str>,
        size: (u16, u16),
    ) -> Result<(), ApiError> {
        let mut layout = self.layout.clone();
        let index = match board {
            None => 0,
            Some(id) => layout
                .boards
                .iter()
                .position(|b| b.id == id)
                .ok_or_else(|| ApiError::new(ErrorCode::NotFound, format!("there is no board {id:?}")))?,
        };
        let Some(board) = layout.boards.get_mut(index) else {
            return Ok(());
        };
        let (x, y) = free_place(&board.tiles, size);
        board.tiles.push(Tile {
            instance: instance.to_string(),
            x,
            y,
            w: size.0,
            h: size.1,
        });
        self.put_layout(layout)
    }

    /// Puts an instance back where it was; on the first board when that one is gone.
    pub(crate) fn place_back(&mut self, board: &str, tile: Tile) -> Result<(), ApiError> {
        let mut layout = self.layout.clone();
        let index = layout.boards.iter().position(|b| b.id == board).unwrap_or(0);
        if let Some(board) = layout.boards.get_mut(index) {
            board.tiles.retain(|t| t.instance != tile.instance);
            board.tiles.push(tile);
        }
        self.put_layout(layout)
    }

    /// Takes an instance off its board and answers where it was.
    pub(crate) fn unplace(&mut self, instance: &InstanceId) -> Result<Option<(String, Tile)>, ApiError> {
        let name = instance.to_string();
        let mut layout = self.layout.clone();
        let mut place = None;
        for board in &mut layout.boards {
            if let Some(at) = board.tiles.iter().position(|t| t.instance == name) {
                place = Some((board.id.clone(), board.tiles.remove(at)));
            }
        }
        if place.is_some() {
            self.put_layout(layout)?;
        }
        Ok(place)
    }

    fn put_layout(&mut self, mut layout: Layout) -> Result<(), ApiError> {
        layout.revision = self.layout.revision + 1;
        self.stored(|store| store.set_meta(KEY, &pack(&layout)))?;
        self.layout = layout.clone();
        self.emit(Event::LayoutChanged { layout });
        Ok(())
    }
}

/// Bounds and uniqueness of what a dashboard sent.
pub(crate) fn checked(mut layout: Layout) -> Result<Layout, ApiError> {
    let refuse = |why: &str| Err(ApiError::new(ErrorCode::BadParams, why.to_owned()));
    if layout.boards.is_empty() || layout.boards.len() > MOST_BOARDS {
        return refuse("a layout has 1 to 32 boards");
    }
    let (mut ids, mut placed) = (BTreeSet::new(), BTreeSet::new());
    for board in &mut layout.boards {
        let name = board.name.trim();
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return refuse("a board's name has 1 to 64 characters");
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if board.id.is_empty() || board.id.len() > 32 || !board.id.chars().all(plain) || !ids.insert(board.id.clone()) {
            return refuse("a board's id has 1 to 32 letters and digits and stands once");
        }
        if board.tiles.len() > MOST_TILES {
            return refuse("a board holds at most 200 widgets");
        }
        for tile in &board.tiles {
            let fits = tile.w >= 1
                && tile.h >= 1
                && tile.h <= 100
                && tile.x.saturating_add(tile.w) <= COLUMNS
                && tile.y <= LOWEST_ROW;
            if !fits || !placed.insert(tile.instance.clone()) {
                return refuse("a widget lies within 12 columns and on one board only");
            }
        }
    }
    Ok(layout)
}

/// The first gap, row by row, that holds `size`.
fn free_place(tiles: &[Tile], (w, h): (u16, u16)) -> (u16, u16) {
    let bottom = tiles
        .iter()
        .map(|t| t.y.saturating_add(t.h))
        .max()
        .unwrap_or(0)
        .min(LOWEST_ROW);
    for y in 0..bottom {
        for x in 0..=COLUMNS.saturating_sub(w) {
            let free = tiles.iter().all(|t| {
                x >= t.x.saturating_add(t.w)
                    || t.x >= x + w
                    || y >= t.y.saturating_add(t.h)
                    || t.y >= y.saturating_add(h)
            });
            if free {
                return (x, y);
            }
        }
    }
    (0, bottom)
}

#[cfg(test)]
mod tests;

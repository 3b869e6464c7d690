//! What the owner says about files, through the API.

use super::{Progress, leave, name_of};
use crate::{
    dispatch::parsed,
    engine::{Engine, store_error},
    handle::{NodeHandle, blocking},
    model::{PeerData, unpack},
};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{AcceptFileParams, FileAlways, FileSettings, FileTransfer, SendFileParams, SetFilesParams},
};
use hedgerow_base::NodeId;
use hedgerow_files::{Offer, Refusal, State, Transfer, TransferId};
use hedgerow_wire::send::MAX_FILE;
use std::{
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

/// Most people whose files are taken without asking.
const MOST_ALWAYS: usize = 1000;

fn refused(refusal: Refusal) -> ApiError {
    let code = match refusal {
        Refusal::Unknown => ErrorCode::NotFound,
        Refusal::TooMany => ErrorCode::Limit,
        Refusal::NoRoom => ErrorCode::Local,
        Refusal::Late | Refusal::NotIncoming => ErrorCode::Refused,
    };
    ApiError::new(code, refusal.to_string())
}

fn absolute(path: &str, what: &str) -> Result<PathBuf, ApiError> {
    let path = PathBuf::from(path);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(ApiError::new(
            ErrorCode::BadParams,
            format!("give the path of the {what} from the root, as in /media/stick/{what}"),
        )),
    }
}

/// A size for a sentence.
pub(super) fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

/// Reads a file and offers it.
pub(crate) async fn send(node: &NodeHandle, params: SendFileParams) -> Result<FileTransfer, ApiError> {
    let peer: NodeId = parsed(&params.node)?;
    let path = absolute(&params.path, "file")?;
    let read = path.clone();
    let (plan, values, stamp) =
        blocking(move || leave::read_through(&read).map_err(|why| ApiError::new(ErrorCode::Refused, why))).await?;
    let mut id = TransferId([0; 16]);
    getrandom::fill(&mut id.0).map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?;
    node.with(move |engine| {
        if peer == engine.identity.node() {
            return Err(ApiError::new(ErrorCode::Refused, "that is this node itself"));
        }
        if engine.peer_name(&peer)?.is_none() && !engine.connected.contains_key(&peer) {
            return Err(ApiError::new(
                ErrorCode::NotFound,
                "that node is not known here; see `hedgerow peers --all`",
            ));
        }
        let (now, name, place) = (engine.now_ms(), name_of(&path), path.to_string_lossy().into_owned());
        let offer = Offer { id, name, plan };
        let number = engine.with_book(|book, effects| book.send(now, peer, offer, place, effects));
        let number = number.map_err(refused)?;
        engine.keep_values(number, values, stamp);
        engine.file_to_tell(number)
    })
    .await
}

impl Engine {
    /// What the owner of a known node calls themselves: none for an unknown node, empty for one without a name.
    fn peer_name(&self, peer: &NodeId) -> Result<Option<String>, ApiError> {
        if let Some(name) = self.connected.get(peer).and_then(|c| c.name.clone()) {
            return Ok(Some(name));
        }
        let row = self.store.peer(peer).map_err(|e| store_error(&e))?;
        Ok(row.map(|row| {
            unpack::<PeerData>(&row.data)
                .and_then(|data| data.name)
                .unwrap_or_default()
        }))
    }

    fn shown_file(&self, transfer: &Transfer) -> Result<FileTransfer, ApiError> {
        let progress = self
            .files_moving
            .running
            .get(&transfer.number)
            .map(|r| r.progress.as_ref());
        let moved = progress.map_or(0, |p: &Progress| p.done.load(Ordering::Relaxed));
        let place = match (transfer.incoming, transfer.state) {
            (true, State::Refused | State::Stopped | State::Failed) => String::new(),
            _ => transfer.place.clone(),
        };
        Ok(FileTransfer {
            number: transfer.number,
            incoming: transfer.incoming,
            node: transfer.peer.to_string(),
            peer_name: self.peer_name(&transfer.peer)?.filter(|name| !name.is_empty()),
            connected: self.connected.contains_key(&transfer.peer),
            name: transfer.name.clone(),
            size: transfer.plan.size,
            done: if transfer.state == State::Done {
                transfer.plan.size
            } else {
                moved
            },
            state: transfer.state.name().into(),
            why: transfer.why.clone(),
            place,
            by_rule: transfer.by_rule,
            hash: data_encoding::HEXLOWER.encode(&transfer.plan.hash),
            created_ms: transfer.created_ms,
            changed_ms: transfer.changed_ms,
        })
    }

    pub(crate) fn file(&self, number: u64) -> Result<FileTransfer, ApiError> {
        let transfer = self.files_moving.book.get(number);
        self.shown_file(transfer.ok_or_else(|| refused(Refusal::Unknown))?)
    }

    /// A transfer that the other side is to hear of, also when it is parked.
    fn file_to_tell(&self, number: u64) -> Result<FileTransfer, ApiError> {
        if let Some(transfer) = self.files_moving.book.get(number) {
            self.net.call(&transfer.peer);
        }
        self.file(number)
    }

    pub(crate) fn file_list(&self) -> Result<Vec<FileTransfer>, ApiError> {
        let mut list: Vec<&Transfer> = self.files_moving.book.transfers().collect();
        list.sort_by_key(|t| std::cmp::Reverse(t.number));
        list.into_iter().map(|t| self.shown_file(t)).collect()
    }

    pub(crate) fn accept_file(&mut self, params: AcceptFileParams) -> Result<FileTransfer, ApiError> {
        let folder = match &params.folder {
            Some(folder) => absolute(folder, "folder")?,
            None => self.files_folder(),
        };
        writable(&folder)?;
        let (now, room) = (self.now_ms(), self.files_room(&folder));
        let place = folder.to_string_lossy().into_owned();
        self.with_book(|book, effects| book.accept(now, params.number, place, room, effects))
            .map_err(refused)?;
        self.file_to_tell(params.number)
    }

    pub(crate) fn refuse_file(&mut self, number: u64) -> Result<FileTransfer, ApiError> {
        let now = self.now_ms();
        self.with_book(|book, effects| book.refuse(now, number, effects))
            .map_err(refused)?;
        self.file_to_tell(number)
    }

    pub(crate) fn stop_file(&mut self, number: u64) -> Result<FileTransfer, ApiError> {
        let now = self.now_ms();
        self.with_book(|book, effects| book.stop(now, number, effects))
            .map_err(refused)?;
        self.file_to_tell(number)
    }

    pub(crate) fn clear_files(&mut self) -> Result<(), ApiError> {
        self.with_book(|book, effects| book.clear(effects));
        Ok(())
    }

    pub(crate) fn file_settings(&self) -> Result<FileSettings, ApiError> {
        let folder = self.files_folder();
        let settings = self.files_moving.book.settings();
        let peers = self.peers()?;
        let always = settings.always.iter().map(|(user, size)| {
            let user = user.to_string();
            let theirs = peers.iter().filter(|p| p.user.as_deref() == Some(user.as_str()));
            FileAlways {
                name: theirs.filter_map(|p| p.name.clone()).next(),
                user,
                size: *size,
            }
        });
        Ok(FileSettings {
            room: self.files_room(&folder),
            folder: folder.to_string_lossy().into_owned(),
            max_size: settings.max_size,
            always: always.collect(),
        })
    }

    pub(crate) fn set_files(&mut self, params: SetFilesParams) -> Result<FileSettings, ApiError> {
        let mut settings = self.files_moving.book.settings().clone();
        if let Some(size) = params.max_size {
            settings.max_size = size.min(MAX_FILE);
        }
        if let Some(always) = params.always {
            let node: NodeId = parsed(&always.node)?;
            let user = self.user_of(&node)?;
            if always.size == 0 {
                settings.always.remove(&user);
            } else if settings.always.len() < MOST_ALWAYS || settings.always.contains_key(&user) {
                settings.always.insert(user, always.size);
            }
        }
        if let Some(folder) = params.folder {
            self.files_moving.folder = match folder.is_empty() {
                true => None,
                false => {
                    writable(&absolute(&folder, "folder")?)?;
                    Some(folder)
                }
            };
        }
        self.with_book(|book, effects| book.set_settings(settings, effects));
        self.file_settings()
    }

    fn user_of(&self, node: &NodeId) -> Result<hedgerow_base::UserId, ApiError> {
        if let Some(peer) = self.net.peers().into_iter().find(|p| p.node == *node) {
            return Ok(peer.user);
        }
        let row = self.store.peer(node).map_err(|e| store_error(&e))?;
        let user = row
            .and_then(|row| unpack::<PeerData>(&row.data))
            .and_then(|data| data.user);
        match user {
            Some(user) => parsed(&user),
            None => Err(ApiError::new(
                ErrorCode::NotFound,
                "nobody knows yet whose node that is; connect to it first",
            )),
        }
    }
}

/// Makes a folder if it is missing, and sees whether files can be put there.
fn writable(folder: &Path) -> Result<(), ApiError> {
    let failed = |e: std::io::Error| {
        ApiError::new(
            ErrorCode::Local,
            format!("cannot write to {}: {e}; choose another folder", folder.display()),
        )
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let about = std::fs::metadata(folder).map_err(failed)?;
    match about.is_dir() && !about.permissions().readonly() {
        true => Ok(()),
        false => Err(failed(std::io::ErrorKind::PermissionDenied.into())),
    }
}

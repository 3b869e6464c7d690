//! Files from one person to another.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;

params! {
    /// Names a transfer.
    FileNumber {
        /// As `files.list` says.
        number: u64,
    }
    /// Offers a file.
    SendFileParams {
        /// Absolute path of a file on the node's machine.
        path: String,
        /// The peer, 64 hex digits.
        node: String,
    }
    /// Takes an offered file.
    AcceptFileParams {
        /// As `files.list` says.
        number: u64,
        /// Absolute path of the folder to put it into; the usual one unless given.
        #[serde(default)] #[ts(optional)] folder: Option<String>,
    }
    /// Changes how files are taken; what is left out stays.
    SetFilesParams {
        /// Absolute path of the folder for files of others; empty for the node's own.
        #[serde(default)] #[ts(optional)] folder: Option<String>,
        /// Larger files are refused at once, bytes.
        #[serde(default)] #[ts(optional)] max_size: Option<u64>,
        /// From whom so many bytes a day are taken without asking; 0 takes it back.
        #[serde(default)] #[ts(optional)] always: Option<AlwaysParams>,
    }
    /// From whom files are taken without asking.
    AlwaysParams {
        /// A node of that person, 64 hex digits; it holds for all their devices.
        node: String,
        /// Bytes a day.
        size: u64,
    }
}

results! {
    /// A file that comes or goes.
    FileTransfer {
        number: u64,
        /// It comes to this node.
        incoming: bool,
        /// The other node, 64 hex digits.
        node: String,
        /// What its owner calls themselves.
        peer_name: Option<String>,
        /// Whether it is connected now.
        connected: bool,
        /// Name of the file.
        name: String,
        size: u64,
        /// Bytes that are done: verified here, or on their way to the peer.
        done: u64,
        /// `asking`: the receiver decides. `waiting`: it goes on when the peer is there. `moving`, `done` (the receiver
        /// verified the whole file), `refused`, `stopped` or `failed`.
        state: String,
        /// Why, for people; empty when there is nothing to say.
        why: String,
        /// Going out: the file. Coming in: its folder, and when it is done the file.
        place: String,
        /// A rule took it, no person was asked.
        by_rule: bool,
        /// BLAKE3 of the whole file, 64 hex digits.
        hash: String,
        created_ms: u64,
        /// When its state last changed.
        changed_ms: u64,
    }
    /// Somebody whose files are taken without asking.
    FileAlways {
        /// 64 hex digits.
        user: String,
        /// What they call themselves, if a node of theirs is known.
        name: Option<String>,
        /// Bytes a day.
        size: u64,
    }
    /// How files are taken.
    FileSettings {
        /// Where files of others go.
        folder: String,
        /// Bytes that its disk has for them now.
        room: u64,
        /// Larger files are refused at once, bytes.
        max_size: u64,
        always: Vec<FileAlways>,
    }
}

//! Every bound and time of this core, with its reason. Times in milliseconds, sizes in bytes, counts without a unit.

/// Apps in one core. A person runs tens.
pub const APPS: usize = 256;
/// Peers that are remembered. More than a node connects to, so that points outlive a connection.
pub const PEERS: usize = 1024;
/// What is waiting for a connection to one peer.
pub const INTENTS: usize = 16;

/// Hash-ranked slots of a view. With 24, a share `f` of hostile members holds `24 f` of them give or take two, and all
/// of them with a probability of `f^24`: one in 10^9 for 40 %.
pub const SLOTS: usize = 24;
/// Members heard of that wait to be tried.
pub const CANDIDATES: usize = 64;
/// Contacts of the driver that are remembered, to begin anew with when nobody is left.
pub const FIRST: usize = 32;
/// Candidates that are tried in a round while slots are empty; half as many later.
pub const PROBES: usize = 6;
/// Contacts of one answer that are tried. Hostile members name only each other, so an answer must not count for much.
pub const NAMED_PER_PULL: usize = 1;
/// With fewer members in the view than this, three times as many are tried: somebody must be known first.
pub const FEW: usize = 4;
/// Links that are opened as soon as somebody is found; the others wait for a round, when there are more to choose from.
pub const FIRST_LINKS: usize = 2;
/// Members that are asked in a round whether they are still there, which also tells them that one is here oneself.
pub const CHECKS: usize = 3;
/// Members that are tried in a round because they asked something here, which shows that they are there. Honest members
/// become known by that without anybody naming them; whoever asks more often gains nothing (limited pushes).
pub const PUSHES_PER_ROUND: usize = 6;
/// First pause between two rounds of sampling.
pub const ROUND_MS: u64 = 1_000;
/// Longest pause: an app that is at rest costs a few frames in five minutes.
pub const ROUND_MAX_MS: u64 = 300_000;
/// Longest pause while links are missing and there are members to ask.
pub const LOOKING_MS: u64 = 5_000;
/// Every so many rounds the oldest slots get a new seed, so that no choice is for ever.
pub const REFRESH_ROUNDS: u32 = 8;
/// Slots that get a new seed then.
pub const REFRESH_SLOTS: usize = 2;
/// A member that does not answer for so long is not there.
pub const ANSWER_MS: u64 = 10_000;

/// Links that a node opens for an app, if nothing else is said (Z1: `peerCount`).
pub const FANOUT: usize = 5;
/// Links that others may open to it, for each of its own. Three times as many leave room for all who ask while some
/// nodes are asked more often than others.
pub const INCOMING_FACTOR: usize = 3;
/// Incoming links from one network prefix, so that nobody's rented /24 takes all the room.
pub const INCOMING_PER_PREFIX: usize = 3;
/// A new link begins with one part in so many of the credit, so that going from member to member is no way to flood.
pub const NEW_LINK: u32 = 4;
/// A new link is left alone for so long before a more useful one may take its place.
pub const LINK_GRACE_MS: u64 = 30_000;
/// Announcements that a link does not keep before it is ended.
pub const UNKEPT: u8 = 4;
/// Whoever's link was ended for this is not linked again for so long.
pub const SHUN_MS: u64 = 600_000;
/// Members that are shunned.
pub const SHUNNED: usize = 256;

/// Envelopes up to this size are pushed to some links; larger ones are announced only. Asking costs a round trip, a
/// duplicate costs the message: at 4 KiB they are about equal on a home line.
pub const PUSH_BYTES: usize = 4096;
/// Most nodes that pass a message on. Four times as many as a message needs among a million members.
pub const HOPS: u8 = 40;
/// What every hop adds to the age of a message at least, so that it ends even where clocks stand still.
pub const HOP_AGE_MS: u32 = 20;
/// Members to which a node pushes a small message, by how many of its links had it before: early on hardly anybody has
/// it, and a push saves two ways; later most pushes come too late, and asking costs nothing twice.
pub const PUSHES: [usize; 4] = [2, 0, 0, 0];
/// How long an announced message may take to come by a push before it is asked for.
pub const PULL_MS: u64 = 60;
/// How long a small message that was asked for may take.
pub const WANT_MS: u64 = 800;
/// What a larger one may take besides: one millisecond for so many bytes (a line of 400 kbit/s).
pub const WANT_BYTES_PER_MS: u64 = 50;
/// Rounds over all announcers before a message is given up.
pub const WANT_ROUNDS: u8 = 2;
/// Announcers that are remembered for a message.
pub const ANNOUNCERS: usize = 8;
/// Messages of an app that are missing at once.
pub const MISSING: usize = 1024;
/// Messages that one link was asked for at once.
pub const ASKED_PER_LINK: usize = 128;
/// Announcements are collected for so long when several come at once.
pub const ANNOUNCE_MS: u64 = 40;
/// Announcements that wait for credit, for each link; the oldest go first.
pub const QUEUE: usize = 512;
/// Messages are announced once more after so long to one member who did not have them: who lost all first
/// announcements hears of them now.
pub const REPAIR_MS: u64 = 3_000;
/// How often that is done.
pub const REPAIRS: u8 = 2;

/// Ids in one generation of the memory of messages; two generations are kept.
pub const SEEN: usize = 8192;
/// Length of a generation: the longest time to live, so that no message outlives its memory.
pub const SEEN_MS: u64 = hedgerow_wire::overlay::MAX_TTL_MS as u64;
/// Messages that are kept to be given to those who ask.
pub const RECENT: usize = 1024;
/// Bytes of those, for each app.
pub const RECENT_BYTES: usize = 8 << 20;
/// How long they are kept: whoever heard an announcement has asked by then.
pub const RECENT_MS: u64 = 30_000;

/// Without an answer of the app a message travels on after this time (Z8).
pub const VERDICT_MS: u64 = 5_000;
/// Messages that wait for an answer of the app.
pub const VERDICTS: usize = 256;
/// Messages that wait for an app that is not running (Z3).
pub const IMMEDIATE: usize = 64;
/// Bytes of those.
pub const IMMEDIATE_BYTES: usize = 512 << 10;

/// Signers in one generation of the memory of signers of an app; two generations are kept.
pub const SIGNERS: usize = 4096;
/// Devices of one signer whose numbers are remembered.
pub const SOURCES: usize = 4;
/// Numbers below the highest of a device that may still come.
pub const WINDOW: u64 = 128;

/// Direct messages of an app that wait for a reply.
pub const REQUESTS: usize = 256;
/// Longest time to wait for replies.
pub const REPLY_MAX_MS: u64 = 600_000;
/// Replies that an app may still give to others.
pub const REPLIES_OWED: usize = 256;
/// Most members that one question goes to.
pub const GATHER: usize = 32;
/// Questions about features that wait for an answer.
pub const QUESTIONS: usize = 64;
/// Questions of one peer that are answered in a second; the rest costs nothing and is not answered.
pub const QUESTIONS_PER_S: u32 = 8;

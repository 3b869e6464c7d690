//! Readers of this crate that nobody outside calls, for `fuzz/`: what is pasted, kept or told by other devices.

use crate::{
    caller::Caller,
    cosigning, devices,
    grants::Grants,
    invites::Invitation,
    layout,
    model::{Authored, InstalledRelease, InstanceData, NoticeData, PeerData, SpaceData, pack, unpack},
    updates, web,
};
use hedgerow_api::{ApiError, Request, types::Layout, types::WebFetchParams};
use hedgerow_base::InstanceId;
use serde::{Serialize, de::DeserializeOwned};

/// An invitation as it is written again, and how many tickets in it are sound.
pub fn invitation(text: &str) -> Option<(String, usize)> {
    let read = Invitation::parse(text).ok()?;
    let _ = (read.widget(), read.kind(), read.name(), read.core());
    Some((read.text(), read.tickets().len()))
}

/// The text of an invitation with this body, whatever it is.
pub fn invitation_of(body: &[u8]) -> String {
    Invitation::wrapped(body)
}

/// A layout as a dashboard sends it or the store keeps it; none if it is refused.
pub fn layout(bytes: &[u8]) -> Option<Layout> {
    layout::checked(unpack(bytes)?).ok()
}

/// Every kind of row that the store keeps as JSON: what is read is written as what reads the same.
///
/// # Panics
/// When it is not.
pub fn rows(bytes: &[u8]) {
    row::<InstalledRelease>(bytes);
    row::<Authored>(bytes);
    row::<InstanceData>(bytes);
    row::<SpaceData>(bytes);
    row::<PeerData>(bytes);
    row::<NoticeData>(bytes);
}

fn row<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Some(value) = unpack::<T>(bytes) {
        assert_eq!(unpack::<T>(&pack(&value)).as_ref(), Some(&value));
    }
}

/// What own devices tell each other, in two orders: they end with the same.
///
/// # Panics
/// When they do not.
pub fn registers(writes: &[&[u8]]) {
    devices::settle(writes);
}

/// An update of a widget as it is kept, from whatever its author wrote.
pub fn update(bytes: &[u8]) -> Option<hedgerow_api::types::UpdateIn> {
    serde_json::from_slice(bytes)
        .ok()
        .map(|update| updates::checked(&update))
}

/// Address and host that a widget's web request goes to.
pub fn web_address(text: &str) -> Option<(String, String)> {
    web::address(text).ok().map(|(url, host)| (url.to_string(), host))
}

/// Whether what a widget wants to send is sound, and the names of its headers.
pub fn web_request(params: &WebFetchParams) -> Option<Vec<String>> {
    web::header_names(params)
}

/// Unpacks what is in a backup, once it is opened, into a folder.
pub fn backup(plain: &[u8], folder: &std::path::Path) -> bool {
    crate::backup::unpack_plain(plain, folder).is_ok()
}

/// A release that waits for further signatures, as text.
pub fn cosigned(text: &str) -> Option<Vec<u8>> {
    cosigning::record_of(text).ok().map(|record| record.to_bytes())
}

/// Whether a component of an instance that nobody knows may make a call.
///
/// # Errors
/// Always, or something is wrong.
pub fn component_may(request: &Request) -> Result<(), ApiError> {
    Caller::Component(InstanceId([7; 10])).may(request, &Grants::default())
}

/// Whether the page of an instance that nobody knows may make a call in its name.
///
/// # Errors
/// Whenever the call needs anything.
pub fn page_may(tier: hedgerow_api::types::Tier, request: &Request) -> Result<(), ApiError> {
    Caller::Dashboard(tier).may(request, &Grants::default())
}

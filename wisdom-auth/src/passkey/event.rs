//! What the world is told about passkeys: events, and mails to their users.

use serde_json::json;
use wisdom_core::event::NewEvent;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::Frame;

use super::Passkey;
use crate::user::User;

/// The kind of the event that a passkey was registered.
pub const REGISTERED: &str = "auth.passkey.registered";
/// The kind of the event that a passkey was removed.
pub const REMOVED: &str = "auth.passkey.removed";
/// The kind of the event that a passkey's signature counter went back: there may be a copy of it.
pub const CLONED: &str = "auth.passkey.cloned";

/// The event of this kind, and the mail of the same name to its user.
pub(super) fn told(
    frame: &Frame,
    kind: &'static str,
    user: &User,
    passkey: &Passkey,
) -> Result<[NewEvent; 2], StorageError> {
    let data = json!({ "user": user.id, "passkey": passkey.id });
    let mail = MailRequest::new(user.email.clone(), MailCategory::Security, kind)
        .with("name", passkey.name.as_str())
        .with("at", frame.now().to_string());
    Ok([
        NewEvent::new(kind, user.id, data).internal(),
        mail.event(frame, None)?,
    ])
}

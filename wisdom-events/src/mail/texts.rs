//! The texts of all mails.

use super::template::Template;

/// All mails.
///
/// What somebody who is not signed in typed (a name at sign-up) stands in none of them: it would let anybody send their
/// words to any address in our name.
pub const TEMPLATES: &[Template] = &[
    Template {
        name: "auth.sign_up.verify",
        parameters: &["token"],
        page: Some("verify-email"),
        subject: "Confirm your e-mail address",
        text: "Hello,

somebody signed up with this e-mail address. If it was you, confirm the address:

{link}

Token: {token}

If it was not you, ignore this mail: without the confirmation nothing can be done with the account.
",
    },
    Template {
        name: "auth.sign_up.existing",
        parameters: &[],
        page: None,
        subject: "You already have an account",
        text: "Hello,

somebody tried to sign up with this e-mail address, which has an account already. If it was you, sign in instead:

{app_url}

If it was not you, there is nothing to do: nothing was changed.
",
    },
    Template {
        name: "auth.identity.linked",
        parameters: &["provider", "at"],
        page: None,
        subject: "A new way to sign in to your account",
        text: "Hello,

on {at} an account at {provider} was linked to your account. From now on it signs you in.

If it was not you, unlink it and change your password:

{app_url}
",
    },
    Template {
        name: "auth.identity.unlinked",
        parameters: &["provider", "at"],
        page: None,
        subject: "A way to sign in to your account was removed",
        text: "Hello,

on {at} an account at {provider} was unlinked from your account. It does not sign you in any more.

If it was not you, change your password:

{app_url}
",
    },
    Template {
        name: "auth.session.reuse",
        parameters: &["display_name", "session_label", "at"],
        page: None,
        subject: "We signed one of your sessions out",
        text: "Hello {display_name},

on {at} a sign-in token was used that had been replaced before. That can mean that somebody copied it, so we ended \
the session it belongs to:

    {session_label}

Sign in again to go on. If you do not know this session, change your password too:

{app_url}
",
    },
    Template {
        name: "auth.impersonation.requested",
        parameters: &["tenant_name", "user_name", "reason", "at"],
        page: None,
        subject: "Our support asks to work in your organization",
        text: "Hello,

on {at} one of our operators wanted to act for {user_name} in {tenant_name}. The reason they gave:

    {reason}

Nobody does so before an owner opens {tenant_name} to our support for some hours. To do that, or to say that nobody \
shall ask again, go to the settings:

{app_url}
",
    },
    Template {
        name: "auth.impersonation.started",
        parameters: &["tenant_name", "user_name", "reason", "at"],
        page: None,
        subject: "Our support works in your organization",
        text: "Hello,

on {at} one of our operators began to act for {user_name} in {tenant_name}. The reason they gave:

    {reason}

It ends after 30 minutes at the latest. The audit log names the operator in everything they do:

{app_url}
",
    },
    Template {
        name: "auth.email.verify",
        parameters: &["token"],
        page: Some("verify-email"),
        subject: "Confirm your e-mail address",
        text: "Hello,

confirm that this e-mail address is yours:

{link}

Token: {token}

If you did not ask for this mail, ignore it.
",
    },
    Template {
        name: "auth.password.reset",
        parameters: &["token", "minutes"],
        page: Some("reset-password"),
        subject: "Choose a new password",
        text: "Hello,

somebody asked to choose a new password for the account with this e-mail address. If it was you, go on here within \
{minutes} minutes:

{link}

Token: {token}

If it was not you, ignore this mail: nothing was changed.
",
    },
    Template {
        name: "auth.password.was_reset",
        parameters: &["at"],
        page: None,
        subject: "Your password was changed",
        text: "Hello,

on {at} a new password was chosen for your account with a mail to this address. All sessions were ended.

If it was not you, somebody else reads your mail. Secure your mailbox, then choose a new password here:

{app_url}
",
    },
    Template {
        name: "auth.email.change",
        parameters: &["token", "minutes"],
        page: Some("change-email"),
        subject: "Confirm your new e-mail address",
        text: "Hello,

somebody wants to use this e-mail address for their account. If it was you, confirm it within {minutes} minutes:

{link}

Token: {token}

If it was not you, ignore this mail: nothing was changed.
",
    },
    Template {
        name: "auth.email.change_requested",
        parameters: &["new_email", "at"],
        page: None,
        subject: "Your e-mail address is to be changed",
        text: "Hello,

on {at} somebody who is signed in to your account asked to change its e-mail address to {new_email}. It changes once the \
new address is confirmed.

If it was not you, choose a new password at once, which stops the change:

{app_url}
",
    },
    Template {
        name: "auth.email.changed",
        parameters: &["new_email", "at"],
        page: None,
        subject: "Your e-mail address was changed",
        text: "Hello,

on {at} the e-mail address of your account was changed to {new_email}. All sessions were ended.

If it was not you, tell the people who run this service:

{app_url}
",
    },
    Template {
        name: "auth.session.link",
        parameters: &["token", "minutes"],
        page: Some("sign-in"),
        subject: "Your sign-in link",
        text: "Hello,

sign in with this link within {minutes} minutes. It works once:

{link}

Token: {token}

If you did not ask for it, ignore this mail.
",
    },
    Template {
        name: "auth.session.code",
        parameters: &["code", "minutes"],
        page: None,
        subject: "Your sign-in code",
        text: "Hello,

type this code in to sign in, within {minutes} minutes. It works once:

Code: {code}

Nobody who works for this service will ever ask you for it. If you did not ask for it, ignore this mail.
",
    },
    Template {
        name: "auth.second_factor.enabled",
        parameters: &["at"],
        page: None,
        subject: "A second factor was set up",
        text: "Hello,

on {at} an authenticator was set up for your account. From now on its codes are asked for when you sign in. All other \
sessions were ended.

If it was not you, tell the people who run this service:

{app_url}
",
    },
    Template {
        name: "auth.second_factor.disabled",
        parameters: &["at"],
        page: None,
        subject: "Your second factor was removed",
        text: "Hello,

on {at} the authenticator was removed from your account. Unless you have passkeys, the password alone is enough now. All \
other sessions were ended.

If it was not you, choose a new password and set the authenticator up again:

{app_url}
",
    },
    Template {
        name: "auth.passkey.registered",
        parameters: &["name", "at"],
        page: None,
        subject: "A passkey was added",
        text: "Hello,

on {at} the passkey \"{name}\" was added to your account. From now on you can sign in with it, and a second factor is asked \
for when you sign in with your password. All other sessions were ended.

If it was not you, tell the people who run this service:

{app_url}
",
    },
    Template {
        name: "auth.passkey.removed",
        parameters: &["name", "at"],
        page: None,
        subject: "A passkey was removed",
        text: "Hello,

on {at} the passkey \"{name}\" was removed from your account. All other sessions were ended.

If it was not you, choose a new password and add the passkey again:

{app_url}
",
    },
    Template {
        name: "auth.passkey.cloned",
        parameters: &["name", "at"],
        page: None,
        subject: "A sign-in with your passkey was refused",
        text: "Hello,

on {at} somebody used the passkey \"{name}\" of your account, and was refused: its counter went back, which happens when \
there is a copy of the passkey.

If you made no copy of it yourself, remove the passkey and add a new one:

{app_url}
",
    },
    Template {
        name: "auth.second_factor.recovery_codes_renewed",
        parameters: &["at"],
        page: None,
        subject: "Your recovery codes were renewed",
        text: "Hello,

on {at} new recovery codes were made for your account. The old ones are worth nothing. All other sessions were ended.

If it was not you, choose a new password at once:

{app_url}
",
    },
    Template {
        name: "auth.second_factor.recovery_code_used",
        parameters: &["at", "left"],
        page: None,
        subject: "A recovery code was used to sign in",
        text: "Hello,

on {at} one of your recovery codes was used to sign in. Codes that are left: {left}.

If it was not you, change your password and make new recovery codes at once:

{app_url}
",
    },
    Template {
        name: "auth.session.new_device",
        parameters: &["display_name", "session_label", "address", "at"],
        page: None,
        subject: "New sign-in to your account",
        text: "Hello {display_name},

on {at} somebody signed in to your account on a device that you did not use before:

    {session_label}
    Address: {address}

If it was you, there is nothing to do. If it was not, change your password, which signs all other devices out:

{app_url}
",
    },
    Template {
        name: "auth.password.changed",
        parameters: &["display_name", "at"],
        page: None,
        subject: "Your password was changed",
        text: "Hello {display_name},

on {at} the password of your account was changed, and all other sessions were signed out.

If it was not you, somebody else knows your old password: reset it at once, and tell your administrator.

{app_url}
",
    },
    Template {
        name: "tenancy.invitation",
        parameters: &["tenant_name", "inviter", "role", "token"],
        page: Some("accept-invitation"),
        subject: "Invitation to {tenant_name}",
        text: "Hello,

{inviter} invites you to join {tenant_name} as {role}. Accept the invitation here:

{link}

Token: {token}

If you do not know why you get this, ignore it: the invitation ends by itself.
",
    },
];

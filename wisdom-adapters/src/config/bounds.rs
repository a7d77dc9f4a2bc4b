//! The bounds of every figure. One that is out of them stops the start and is named.

use super::document::ConfigError;
use super::{AuthConfig, Config, ThrottleConfig};

/// A key, its figure, and the least and most that it may be.
type Figure = (&'static str, u32, u32, u32);

/// Checks all figures of a configuration.
pub(super) fn check(config: Config) -> Result<Config, ConfigError> {
    let figures: [Figure; 11] = [
        ("tenancy.invitation_days", config.tenancy.invitation_days, 1, 30),
        (
            "storage.max_connections",
            config.storage.max_connections.unwrap_or(1),
            1,
            1000,
        ),
        (
            "rate_limit.per_address",
            config.rate_limit.per_address,
            1,
            u32::MAX,
        ),
        ("rate_limit.per_user", config.rate_limit.per_user, 1, u32::MAX),
        (
            "server.max_connections",
            config.server.max_connections,
            1,
            1_000_000,
        ),
        (
            "server.request_timeout_seconds",
            config.server.request_timeout_seconds,
            1,
            600,
        ),
        ("server.drain_seconds", config.server.drain_seconds, 0, 600),
        (
            "server.tls.reload_seconds",
            config.server.tls.reload_seconds,
            1,
            86_400,
        ),
        ("runtime.worker_threads", config.runtime.worker_threads, 0, 1024),
        (
            "runtime.blocking_threads",
            config.runtime.blocking_threads,
            1,
            1024,
        ),
        (
            "runtime.max_in_flight",
            config.runtime.max_in_flight,
            1,
            1_000_000,
        ),
    ];
    within("", &figures)?;
    config.server.tls.check()?;
    within("auth.", &sessions_and_passwords(&config.auth))?;
    within("auth.", &other_credentials(&config.auth))?;
    within("auth.throttle.", &throttles(&config.auth.throttle))?;
    let auth = &config.auth;
    if auth.password.min_length < 15 && !auth.second_factor.required {
        return Err(ConfigError::Value {
            key: "auth.password.min_length".to_owned(),
            rule: "must be at least 15 unless `auth.second_factor.required` is true".to_owned(),
        });
    }
    Ok(config)
}

fn within(area: &str, figures: &[Figure]) -> Result<(), ConfigError> {
    for &(key, value, low, high) in figures {
        if !(low..=high).contains(&value) {
            return Err(ConfigError::Value {
                key: format!("{area}{key}"),
                rule: format!("must be {low} to {high}"),
            });
        }
    }
    Ok(())
}

/// Tokens, keys, sessions, passwords, and failed tries of them.
fn sessions_and_passwords(auth: &AuthConfig) -> [Figure; 19] {
    [
        ("access_token_seconds", auth.access_token_seconds, 60, 900),
        ("key_rotation.days", auth.key_rotation.days, 0, 366),
        // Nodes look at the key file every 10 s, and the JWK set may be cached for 60 s.
        (
            "key_rotation.announce_seconds",
            auth.key_rotation.announce_seconds,
            90,
            86_400,
        ),
        (
            "session_idle_seconds",
            auth.session_idle_seconds,
            300,
            365 * 86_400,
        ),
        (
            "session_absolute_seconds",
            auth.session_absolute_seconds,
            auth.session_idle_seconds,
            365 * 86_400,
        ),
        ("refresh_window_seconds", auth.refresh_window_seconds, 0, 60),
        ("password.memory_kib", auth.password.memory_kib, 7168, 262_144),
        ("password.passes", auth.password.passes, 1, 16),
        ("password.lanes", auth.password.lanes, 1, 4),
        ("password.min_length", auth.password.min_length, 8, 64),
        ("password.history", auth.password.history, 0, 10),
        ("password.permits", auth.password.permits, 0, 1024),
        ("password.queue", auth.password.queue, 1, 10_000),
        ("attempts.pause_from", auth.attempts.pause_from, 1, 10),
        (
            "attempts.first_pause_seconds",
            auth.attempts.first_pause_seconds,
            1,
            60,
        ),
        (
            "attempts.longest_pause_seconds",
            auth.attempts.longest_pause_seconds,
            60,
            86_400,
        ),
        ("attempts.most", auth.attempts.most, 20, 100),
        ("attempts.per_source", auth.attempts.per_source, 1, 100_000),
        (
            "attempts.source_window_seconds",
            auth.attempts.source_window_seconds,
            1,
            86_400,
        ),
    ]
}

/// API keys, operators, providers, proofs that are mailed, second factors and passkeys.
fn other_credentials(auth: &AuthConfig) -> [Figure; 15] {
    let (proofs, second) = (&auth.mailed_proof, &auth.second_factor);
    [
        ("api_keys.max_per_tenant", auth.api_keys.max_per_tenant, 1, 10_000),
        ("impersonation.seconds", auth.impersonation.seconds, 60, 1800),
        (
            "federation.attempt_seconds",
            auth.federation.attempt_seconds,
            60,
            600,
        ),
        (
            "mailed_proof.verify_email_seconds",
            proofs.verify_email_seconds,
            300,
            7 * 86_400,
        ),
        (
            "mailed_proof.reset_password_seconds",
            proofs.reset_password_seconds,
            300,
            3600,
        ),
        (
            "mailed_proof.change_email_seconds",
            proofs.change_email_seconds,
            300,
            3600,
        ),
        ("mailed_proof.link_seconds", proofs.link_seconds, 60, 600),
        ("mailed_proof.code_seconds", proofs.code_seconds, 60, 600),
        ("mailed_proof.code_tries", proofs.code_tries, 1, 5),
        (
            "second_factor.challenge_seconds",
            second.challenge_seconds,
            30,
            300,
        ),
        ("second_factor.tries", second.tries, 1, 5),
        (
            "second_factor.remember_seconds",
            second.remember_seconds,
            0,
            90 * 86_400,
        ),
        ("second_factor.fresh_seconds", second.fresh_seconds, 60, 600),
        (
            "passkeys.ceremony_seconds",
            auth.passkeys.ceremony_seconds,
            30,
            300,
        ),
        ("passkeys.max_per_user", auth.passkeys.max_per_user, 1, 20),
    ]
}

/// How often things may be tried.
fn throttles(throttle: &ThrottleConfig) -> [Figure; 10] {
    [
        (
            "second_factors_per_user",
            throttle.second_factors_per_user,
            1,
            100,
        ),
        (
            "second_factors_per_source",
            throttle.second_factors_per_source,
            10,
            1_000_000,
        ),
        (
            "passkey_ceremonies_per_user",
            throttle.passkey_ceremonies_per_user,
            10,
            1000,
        ),
        ("passkeys_per_source", throttle.passkeys_per_source, 10, 1_000_000),
        (
            "providers_per_source",
            throttle.providers_per_source,
            10,
            1_000_000,
        ),
        ("proof_mails_per_address", throttle.proof_mails_per_address, 1, 60),
        (
            "proof_mails_per_source",
            throttle.proof_mails_per_source,
            10,
            1_000_000,
        ),
        ("proofs_per_source", throttle.proofs_per_source, 10, 1_000_000),
        ("codes_per_address", throttle.codes_per_address, 5, 100),
        ("tokens_per_client", throttle.tokens_per_client, 1, 100_000),
    ]
}

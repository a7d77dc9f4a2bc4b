//! The URL: what is ours in it, and what is the driver's.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::storage::OpenError;

/// What a URL says.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) connect: PgConnectOptions,
    /// Whether statements are prepared once and kept. A transaction pooler hands each transaction another server
    /// connection, where they are not.
    pub(super) persistent: bool,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, OpenError> {
        const BAD: OpenError = OpenError::Address("it is not an address of PostgreSQL");
        let mut url = Url::parse(text).map_err(|_| BAD)?;
        let mut persistent = true;
        let mut rest = Vec::new();
        for (key, value) in url.query_pairs() {
            match (&*key, &*value) {
                ("pooler", "transaction") => persistent = false,
                ("pooler", "none") => {}
                ("pooler", _) => return Err(OpenError::Address("pooler is none or transaction")),
                _ => rest.push((key.into_owned(), value.into_owned())),
            }
        }
        url.set_query(None);
        if !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest);
        }
        let connect = PgConnectOptions::from_str(url.as_str()).map_err(|_| BAD)?;
        Ok(Self {
            connect: connect.application_name("wisdom"),
            persistent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pooler_is_ours_and_the_rest_the_drivers() {
        let address = Address::parse("postgres://u@h:6432/d?sslmode=require&pooler=transaction").unwrap();
        assert!(!address.persistent);
        assert_eq!(
            (address.connect.get_host(), address.connect.get_port()),
            ("h", 6432)
        );
        assert!(matches!(
            address.connect.get_ssl_mode(),
            sqlx::postgres::PgSslMode::Require
        ));
        assert!(Address::parse("postgres://u@h/d").unwrap().persistent);
        assert!(Address::parse("postgres://u@h/d?pooler=session").is_err());
        assert!(Address::parse("postgres").is_err());
    }
}

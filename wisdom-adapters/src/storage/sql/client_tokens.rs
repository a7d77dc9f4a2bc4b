//! Access tokens of service clients.

use async_trait::async_trait;
use serde_json::json;
use wisdom_auth::oauth::client_token::ClientToken;
use wisdom_auth::store::ClientTokens;
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::storage::{StorageError, StorageErrorKind};

use super::statement::Statement;
use super::unit::Unit;

const DROP_EXPIRED: Statement = Statement::new(
    "client_tokens.drop_expired",
    "DELETE FROM client_tokens WHERE client = $1 AND expires_at <= $2",
);
const INSERT: Statement = Statement::new(
    "client_tokens.insert",
    "INSERT INTO client_tokens (public_id, hash, client, scopes, issued_at, expires_at, certificate)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
pub(super) const FIND: Statement = Statement::new(
    "client_tokens.find",
    "SELECT public_id, hash, client, scopes, issued_at, expires_at, certificate FROM client_tokens
     WHERE public_id = $1",
);
const DELETE: Statement = Statement::new(
    "client_tokens.delete",
    "DELETE FROM client_tokens WHERE public_id = $1",
);

#[async_trait]
impl ClientTokens for Unit {
    async fn insert(&mut self, token: &ClientToken) -> Result<(), StorageError> {
        let expired = [token.client.as_str().into(), token.issued_at.into()];
        self.sql_tx().execute(&DROP_EXPIRED, &expired).await?;
        let scopes = json!(token.scopes);
        let values = [
            token.public_id.as_str().into(),
            (&token.hash).into(),
            token.client.as_str().into(),
            (&scopes).into(),
            token.issued_at.into(),
            token.expires_at.into(),
            token
                .certificate
                .as_ref()
                .map(CertificateThumbprint::as_bytes)
                .into(),
        ];
        self.sql_tx().execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn find(&mut self, public_id: &str) -> Result<Option<ClientToken>, StorageError> {
        let Some(row) = self.sql_tx().fetch_optional(&FIND, &[public_id.into()]).await? else {
            return Ok(None);
        };
        let corrupt = || StorageError::new(StorageErrorKind::Corrupt, FIND.name());
        let scopes = serde_json::from_value(row.json(3)?).map_err(|error| corrupt().caused_by(error))?;
        let certificate = match row.opt_bytes(6)? {
            Some(digest) => Some(CertificateThumbprint::from_bytes(
                digest.try_into().map_err(|_| corrupt())?,
            )),
            None => None,
        };
        Ok(Some(ClientToken {
            public_id: row.text(0)?,
            hash: row.array(1)?,
            client: row.text(2)?,
            scopes,
            certificate,
            issued_at: row.time(4)?,
            expires_at: row.time(5)?,
        }))
    }

    async fn delete(&mut self, public_id: &str) -> Result<bool, StorageError> {
        let gone = self.sql_tx().execute(&DELETE, &[public_id.into()]).await?;
        Ok(gone > 0)
    }
}

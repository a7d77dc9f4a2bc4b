//! The same wall around an embedder's own tables.

use thiserror::Error;

/// The name cannot be the name of a table here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a table's name is 1 to 63 characters of a-z, 0-9 and _, begins with none of 0-9, and may follow a schema's name and a dot"
)]
pub struct TableNameError;

/// The statements that put a table with a column `tenant_id uuid NOT NULL` behind the same policy as the kernel's own
/// tables, and let units of work use it. For an embedder's migration, on PostgreSQL only.
///
/// Make the tenant part of the table's keys and foreign keys as well: `PRIMARY KEY (tenant_id, id)`. The store refuses
/// to open while a table with such a column lacks this.
///
/// ```
/// let sql = wisdom_adapters::storage::postgres::tenant_table_sql("orders")?;
/// assert!(sql.contains("FORCE ROW LEVEL SECURITY"));
/// # Ok::<(), wisdom_adapters::storage::postgres::TableNameError>(())
/// ```
///
/// # Errors
/// [`TableNameError`].
pub fn tenant_table_sql(table: &str) -> Result<String, TableNameError> {
    let good = |name: &str| {
        (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !name.as_bytes()[0].is_ascii_digit()
    };
    let fine = match table.split_once('.') {
        Some((schema, name)) => good(schema) && good(name),
        None => good(table),
    };
    if !fine {
        return Err(TableNameError);
    }
    Ok(format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY wisdom_tenant ON {table} TO wisdom_app
    USING (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid);
CREATE POLICY wisdom_system ON {table} TO wisdom_system
    USING (current_user = 'wisdom_system') WITH CHECK (current_user = 'wisdom_system');
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO wisdom_app, wisdom_system;
"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_sql() {
        for good in ["orders", "shop.order_lines", "_x1"] {
            assert!(tenant_table_sql(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1a",
            "Orders",
            "a b",
            "a;b",
            "a\"b",
            "a.b.c",
            ".a",
            "a.",
            "tabellé",
            &"a".repeat(64),
        ] {
            assert_eq!(tenant_table_sql(bad), Err(TableNameError), "{bad}");
        }
    }
}

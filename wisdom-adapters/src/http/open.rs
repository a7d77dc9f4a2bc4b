//! The query of a URL that opens an adapter, such as `hubspot:?token=env:HUBSPOT_TOKEN`.

use url::Url;
use wisdom_core::port::{PortError, PortErrorKind};

/// Parameters of an opening URL. Unknown names are refused, so that a misspelled one is not silently ignored.
#[derive(Debug, Clone)]
pub struct OpenParameters {
    port: &'static str,
    pairs: Vec<(String, String)>,
}

impl OpenParameters {
    /// Reads the query of a URL with this scheme.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] for another scheme, host or path, and for a name that is not in `names`.
    pub fn read(
        url: &Url,
        port: &'static str,
        scheme: &str,
        names: &[&'static str],
    ) -> Result<Self, PortError> {
        let invalid = |why: String| PortError::new(port, "open", PortErrorKind::Invalid).with_source(why);
        if url.scheme() != scheme {
            return Err(invalid(format!("scheme must be {scheme}")));
        }
        if url.has_host() || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(invalid(format!(
                "{scheme}: takes neither host nor path, only parameters"
            )));
        }
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            return Err(invalid(format!(
                "{scheme}: unknown parameter {name}; known are {}",
                names.join(", ")
            )));
        }
        Ok(Self { port, pairs })
    }

    /// Every value of a parameter.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be left out.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] when it is given twice.
    pub fn optional(&self, name: &'static str) -> Result<Option<&str>, PortError> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(self.invalid(format!("parameter {name} is given twice"))),
        }
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] when it is missing or given twice.
    pub fn required(&self, name: &'static str) -> Result<&str, PortError> {
        self.optional(name)?
            .ok_or_else(|| self.invalid(format!("parameter {name} is missing")))
    }

    fn invalid(&self, why: String) -> PortError {
        PortError::new(self.port, "open", PortErrorKind::Invalid).with_source(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<OpenParameters, PortError> {
        OpenParameters::read(&Url::parse(text).unwrap(), "crm", "hubspot", &["token", "base"])
    }

    #[test]
    fn reads_and_refuses() {
        let open = read("hubspot:?token=env:A&base=http://127.0.0.1:9/").unwrap();
        assert_eq!(open.required("token").unwrap(), "env:A");
        assert_eq!(open.optional("base").unwrap(), Some("http://127.0.0.1:9/"));
        for text in [
            "stripe:?token=x",
            "hubspot:?tokn=x",
            "hubspot://host?token=x",
            "hubspot:path?token=x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(
            read("hubspot:?token=a&token=b")
                .unwrap()
                .required("token")
                .is_err()
        );
        assert!(read("hubspot:").unwrap().required("token").is_err());
    }
}

//! Name look-up that hands out only checked addresses.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use wisdom_core::port::http_client::{AddressPolicy, AddressRefusal};

/// Most addresses of one name that are looked at; a name with more is refused.
const MAX_ADDRESSES: usize = 64;

/// Turns a name into addresses.
#[async_trait]
pub trait NameLookup: Send + Sync + Debug {
    /// Every address of the name.
    ///
    /// # Errors
    /// When the name has none, or none could be had.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The look-up of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl NameLookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0))
            .await?
            .map(|address| address.ip())
            .collect())
    }
}

/// Checks every answer before the connector sees any of them.
///
/// The connector gets the very addresses that were checked and asks no second time, so a name that changes its
/// address between two look-ups (DNS rebinding) gains nothing. One forbidden address among good ones refuses the name,
/// or the answer's order would decide.
#[derive(Debug)]
pub(super) struct CheckedResolver {
    pub(super) policy: AddressPolicy,
    pub(super) lookup: Arc<dyn NameLookup>,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookup) = (self.policy, Arc::clone(&self.lookup));
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            if found.is_empty() || found.len() > MAX_ADDRESSES {
                return Err(io::Error::other("the name has no usable number of addresses").into());
            }
            if let Some(forbidden) = found.iter().find(|address| !policy.allows(**address)) {
                return Err(AddressRefusal::Address(*forbidden).into());
            }
            // Port 0 is replaced by that of the URL.
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(Vec<&'static str>);

    #[async_trait]
    impl NameLookup for Fixed {
        async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.iter().map(|text| text.parse().unwrap()).collect())
        }
    }

    async fn resolve(policy: AddressPolicy, answers: &[&'static str]) -> Result<Vec<SocketAddr>, String> {
        let resolver = CheckedResolver {
            policy,
            lookup: Arc::new(Fixed(answers.to_vec())),
        };
        match resolver.resolve("hooks.example.test".parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn one_forbidden_answer_refuses_the_name() {
        for answers in [
            &["127.0.0.1"][..],
            &["8.8.8.8", "169.254.169.254"],
            &["10.0.0.1", "8.8.8.8"],
            &["2606:4700::1111", "::1"],
            &["8.8.8.8", "::ffff:127.0.0.1"],
        ] {
            assert!(
                resolve(AddressPolicy::PublicOnly, answers).await.is_err(),
                "{answers:?}"
            );
        }
        let good = resolve(AddressPolicy::PublicOnly, &["8.8.8.8", "2606:4700::1111"])
            .await
            .unwrap();
        assert_eq!(good.len(), 2);
    }

    #[tokio::test]
    async fn no_answer_and_too_many_are_errors() {
        assert!(resolve(AddressPolicy::Any, &[]).await.is_err());
        assert!(
            resolve(AddressPolicy::Any, &["8.8.8.8"; MAX_ADDRESSES + 1])
                .await
                .is_err()
        );
    }
}

//! What a route is, and how a request finds its own.

use std::collections::BTreeMap;

use http::{HeaderValue, Method, StatusCode};
use matchit::{Params, Router};
use thiserror::Error;
use wisdom_core::use_case::Operation;

/// One line of the route table: a method and path, the operation behind them, and the status of success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; `{name}` stands for one segment. `{tenant}` names the tenant and is never part of the input; every
    /// other name is a field of the operation's input.
    pub path: &'static str,
    /// The operation's name.
    pub operation: &'static str,
    /// The status of success.
    pub success: StatusCode,
    /// How it speaks.
    pub dialect: Dialect,
}

/// How a route takes its input and tells its refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// JSON in and out, refusals as problem documents (RFC 9457).
    #[default]
    Json,
    /// A form in, with the client by HTTP Basic or in the form, and JSON out; refusals as RFC 6749, section 5.2, has them.
    Oauth,
}

/// A line of the route table.
#[must_use]
pub fn route<O: Operation>(method: Method, path: &'static str, success: StatusCode) -> Route {
    Route {
        method,
        path,
        operation: O::NAME,
        success,
        dialect: Dialect::Json,
    }
}

/// A line of the route table for an OAuth endpoint, which is always posted to.
#[must_use]
pub fn oauth_route<O: Operation>(path: &'static str, success: StatusCode) -> Route {
    Route {
        dialect: Dialect::Oauth,
        ..route::<O>(Method::POST, path, success)
    }
}

impl Route {
    /// The names in braces, from left to right.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// The route table contradicts itself or the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Two routes have one method and path, or paths that cannot be told apart.
    #[error("the route {0} is there already, or cannot be told from another")]
    Twice(String),
    /// A route names an operation that the catalogue does not have.
    #[error("the route {path} leads to {operation}, which is not in the catalogue")]
    Unknown {
        /// The route's path.
        path: &'static str,
        /// The operation's name.
        operation: &'static str,
    },
}

/// The methods of one path, each with what it leads to.
#[derive(Debug)]
struct Place<T> {
    methods: Vec<(Method, T)>,
    allow: HeaderValue,
}

/// Finds what a method and path lead to. Built once.
#[derive(Debug)]
pub(crate) struct Paths<T> {
    router: Router<Place<T>>,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found<'table, 'path, T> {
    Route(&'table T, Params<'table, 'path>),
    /// The path exists; these are its methods.
    OtherMethod(&'table HeaderValue),
    Nothing,
}

impl<T> Paths<T> {
    pub(crate) fn new(
        routes: impl IntoIterator<Item = (Method, &'static str, T)>,
    ) -> Result<Self, RouteError> {
        let mut places: BTreeMap<&'static str, Vec<(Method, T)>> = BTreeMap::new();
        for (method, path, target) in routes {
            let methods = places.entry(path).or_default();
            if methods.iter().any(|(known, _)| *known == method) {
                return Err(RouteError::Twice(format!("{method} {path}")));
            }
            methods.push((method, target));
        }
        let mut router = Router::new();
        for (path, methods) in places {
            let mut names: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
            if names.contains(&"GET") {
                names.push("HEAD");
            }
            let twice = |_| RouteError::Twice(path.to_owned());
            let allow =
                HeaderValue::try_from(names.join(", ")).map_err(|_| RouteError::Twice(path.to_owned()))?;
            router.insert(path, Place { methods, allow }).map_err(twice)?;
        }
        Ok(Self { router })
    }

    /// HEAD leads to what GET does (RFC 9110, section 9.3.2).
    pub(crate) fn find<'table, 'path>(
        &'table self,
        method: &Method,
        path: &'path str,
    ) -> Found<'table, 'path, T> {
        let Ok(matched) = self.router.at(path) else {
            return Found::Nothing;
        };
        let place = matched.value;
        let wanted = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match place.methods.iter().find(|(known, _)| known == wanted) {
            Some((_, target)) => Found::Route(target, matched.params),
            None => Found::OtherMethod(&place.allow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_parameters_are_found() {
        let paths = Paths::new([
            (Method::GET, "/v1/things/{thing}", 1),
            (Method::DELETE, "/v1/things/{thing}", 2),
            (Method::POST, "/v1/things", 3),
        ])
        .unwrap();
        let Found::Route(2, params) = paths.find(&Method::DELETE, "/v1/things/x") else {
            panic!("not found")
        };
        assert_eq!(params.get("thing"), Some("x"));
        assert!(matches!(
            paths.find(&Method::HEAD, "/v1/things/x"),
            Found::Route(1, _)
        ));
        let Found::OtherMethod(allow) = paths.find(&Method::PUT, "/v1/things/x") else {
            panic!("found")
        };
        assert_eq!(allow, "GET, DELETE, HEAD");
        for path in ["", "*", "/v1/things/", "/v1/things//", "/v1/things/x/"] {
            assert!(matches!(paths.find(&Method::GET, path), Found::Nothing), "{path}");
        }
    }

    #[test]
    fn a_route_twice_is_refused() {
        let routes = [(Method::GET, "/a/{b}", 1), (Method::GET, "/a/{b}", 2)];
        assert_eq!(
            Paths::new(routes).unwrap_err(),
            RouteError::Twice("GET /a/{b}".to_owned())
        );
        assert!(Paths::new([(Method::GET, "/a/{b}", 1), (Method::GET, "/a/{c}", 2)]).is_err());
    }
}

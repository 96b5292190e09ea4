//! Connection to a platform: base address, credential, and the reading of answers.

use super::Error;
use super::body::{self, BodyFault};
use super::sieve::MAX_ANSWER_BYTES;
use crate::domain::secret::Secret;
use crate::files;
use crate::wire::changes::{ChangeMethod, ChangeTarget};
use crate::wire::page::Page;
use crate::wire::problem::{Problem, ProblemCode};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Time limit of one call, over all its phases.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of rows requested per page of a list.
pub(super) const PAGE_LIMIT: u32 = 200;
/// Number of rows of a page requested without a limit.
const DOCUMENTED_PAGE_ROWS: u32 = 50;
/// Maximum number of pages read of a list.
const MAX_PAGES: usize = 500;
/// Number of bytes of a list after which no further page is requested.
const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

/// Smaller page limit after a page of `limit` rows exceeded the size limit of an answer: an eighth of `limit`, or of the documented page of 50
/// rows where the platform chose. `None` after a limit of 1. An eighth keeps the number of requests, each of which may read 32 MiB, at three.
#[must_use]
pub fn smaller(limit: Option<u32>) -> Option<u32> {
    match limit.unwrap_or(DOCUMENTED_PAGE_ROWS) {
        0 | 1 => None,
        limit => Some((limit / 8).max(1)),
    }
}

/// Credential of a client, sent with every request.
#[derive(Debug)]
pub enum ClientCredential {
    /// Token of an operator, for the Portal API.
    Operator(Secret),
    /// API key, for the Integration API.
    Key(Secret),
}

/// Client of one platform with one credential. Clones share their connections.
#[derive(Debug, Clone)]
pub struct PlatformClient {
    base: Url,
    /// Base address of the platform that an observer at `base` answers for; `None` if the platform itself answers.
    observed: Option<Arc<str>>,
    http: reqwest::Client,
    credential: Arc<ClientCredential>,
}

impl PlatformClient {
    /// Creates a client for the platform at `base`, an `http` or `https` URL; the paths of calls are appended to its
    /// path. Proxies from the environment are ignored, redirects are not followed, and TLS certificates are always
    /// verified.
    ///
    /// # Errors
    /// [`Error::Unusable`] when `base` is not such a URL, or the credential cannot be sent in a header.
    pub fn new(base: &str, credential: ClientCredential) -> Result<Self, Error> {
        Self::trusting(base, credential, &[])
    }

    /// Creates a client, as [`PlatformClient::new`] does, that also trusts the certificate authorities in these PEM
    /// files.
    ///
    /// # Errors
    /// [`Error::Unusable`] as for [`PlatformClient::new`], and when a file cannot be read or contains no certificate.
    pub fn trusting(base: &str, credential: ClientCredential, ca_files: &[PathBuf]) -> Result<Self, Error> {
        let url = parse_base(base)?;
        let mut headers = HeaderMap::new();
        let (name, text) = match &credential {
            ClientCredential::Operator(token) => ("authorization", format!("Bearer {}", token.reveal())),
            ClientCredential::Key(key) => ("x-api-key", key.reveal().to_owned()),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            Error::Unusable("the token has characters that a header cannot contain; is it a whole file?".to_owned())
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config_trusting(ca_files)?)
            .default_headers(headers)
            .user_agent(concat!("crow/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // The platform closes connections that are idle for ten seconds. The client closes them first, so that no
            // request is lost on a connection that is being closed.
            .pool_idle_timeout(Duration::from_secs(8))
            .build()
            .map_err(|error| Error::Unusable(format!("cannot create an HTTP client: {error}")))?;
        Ok(Self { base: url, observed: None, http, credential: Arc::new(credential) })
    }

    /// Returns the client of an observer, which displays the base address of the observed platform.
    #[must_use]
    pub fn observing(self, platform: &str) -> Self {
        Self { observed: Some(Arc::from(platform.trim_end_matches('/'))), ..self }
    }

    /// Returns the base address of the platform, for display.
    #[must_use]
    pub fn base(&self) -> &str {
        self.observed.as_deref().unwrap_or_else(|| self.base.as_str().trim_end_matches('/'))
    }

    /// Returns the credential of the client.
    #[must_use]
    pub fn credential(&self) -> &ClientCredential {
        &self.credential
    }

    /// Makes any read-only call by its path and query, for callers that show what they asked.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn get_any<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Error> {
        self.get(path, query).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Error> {
        self.call(Method::GET, path, query, None::<&()>, &[]).await
    }

    /// Reads all rows of a list, page by page, up to [`MAX_PAGES`] or [`MAX_LIST_BYTES`]; `has_more` is then still set.
    pub(super) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Page<T>, Error> {
        self.filtered_list(path, &[]).await
    }

    /// Reads all rows of a list that match filters, as [`PlatformClient::list`] does.
    pub(super) async fn filtered_list<T: DeserializeOwned>(
        &self,
        path: &str,
        filters: &[(&'static str, String)],
    ) -> Result<Page<T>, Error> {
        let (mut all, mut n_bytes) = (Page::complete(Vec::new()), 0);
        for _ in 0..MAX_PAGES {
            let mut query = filters.to_vec();
            query.push(("limit", PAGE_LIMIT.to_string()));
            query.extend(all.next_cursor.take().map(|cursor| ("cursor", cursor)));
            let (page, n): (Page<T>, usize) = self.rows(path, &mut query).await?;
            n_bytes += n;
            all.items.extend(page.items);
            all.unreadable.extend(page.unreadable);
            (all.next_cursor, all.has_more) = (page.next_cursor, page.has_more);
            if !all.has_more || all.next_cursor.is_none() || n_bytes > MAX_LIST_BYTES {
                break;
            }
        }
        Ok(all)
    }

    /// Reads a page of a list, and returns it with its size in bytes. Where the answer exceeds its size limit, the page is requested again with
    /// a smaller `limit`, down to one row.
    pub(super) async fn rows<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &mut [(&str, String)],
    ) -> Result<(T, usize), Error> {
        loop {
            let request = self.request(Method::GET, path, query, None::<&()>, &[])?;
            let mut response = request.timeout(CALL_TIMEOUT).send().await.map_err(|error| self.call_error(&error))?;
            let status = response.status().as_u16();
            match body::read_list(&mut response).await {
                Ok(bytes) => return Ok((self.decode(status, &bytes)?, bytes.len())),
                Err(fault) => {
                    let limit = query.iter_mut().find(|(name, _)| *name == "limit").map(|(_, limit)| limit);
                    let smaller = limit.as_ref().and_then(|limit| smaller(limit.parse().ok()));
                    match (limit, smaller) {
                        (Some(limit), Some(smaller)) if matches!(fault, BodyFault::TooLarge) => {
                            *limit = smaller.to_string();
                        }
                        _ => return Err(self.unread(fault, status)),
                    }
                }
            }
        }
    }

    /// Makes a change through its route of the Portal API.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the change, or gives an unreadable answer.
    pub async fn change<B: Serialize, A: DeserializeOwned>(
        &self,
        target: impl Into<ChangeTarget<B, A>>,
        body: &B,
    ) -> Result<A, Error> {
        let target = target.into();
        let (method, body) = match target.method {
            ChangeMethod::Post => (Method::POST, Some(body)),
            ChangeMethod::Patch => (Method::PATCH, Some(body)),
            ChangeMethod::Delete => (Method::DELETE, None),
        };
        self.call(method, &target.path, &[], body, &[]).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        self.call(Method::POST, path, &[], Some(body), &[]).await
    }

    /// Posts raw bytes and reads the JSON answer.
    pub(super) async fn post_bytes<T: DeserializeOwned>(&self, path: &str, bytes: Vec<u8>) -> Result<T, Error> {
        let request =
            self.bare_request(Method::POST, path, &[]).header("content-type", "application/octet-stream").body(bytes);
        self.answer(request).await
    }

    /// Makes one call, with all its phases within [`CALL_TIMEOUT`].
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&impl Serialize>,
        headers: &[(&'static str, String)],
    ) -> Result<T, Error> {
        self.answer(self.request(method, path, query, body, headers)?).await
    }

    /// Sends a request and reads its answer, with all phases within [`CALL_TIMEOUT`].
    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let mut response = request.timeout(CALL_TIMEOUT).send().await.map_err(|error| self.call_error(&error))?;
        let bytes = self.body(&mut response).await?;
        self.decode(response.status().as_u16(), &bytes)
    }

    /// Opens an answer of unbounded length. Its time limits are left to the caller.
    pub(super) async fn open_stream(&self, path: &str) -> Result<Response, Error> {
        let request = self.request(Method::GET, path, &[], None::<&()>, &[])?;
        let mut response = request.send().await.map_err(|error| self.call_error(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let bytes = self.body(&mut response).await?;
        Err(self.decode_refusal(response.status().as_u16(), &bytes))
    }

    /// Reads the body of an answer, within its size limit.
    pub(super) async fn body(&self, response: &mut Response) -> Result<Vec<u8>, Error> {
        let status = response.status().as_u16();
        body::read_body(response).await.map_err(|fault| self.unread(fault, status))
    }

    pub(super) fn unread(&self, fault: BodyFault, status: u16) -> Error {
        match fault {
            BodyFault::Broken(error) => self.call_error(&error),
            BodyFault::TooLarge => {
                Error::TooLarge { base: self.base().to_owned(), status, limit: MAX_ANSWER_BYTES as u64 }
            }
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&impl Serialize>,
        headers: &[(&'static str, String)],
    ) -> Result<RequestBuilder, Error> {
        let mut request = self.bare_request(method, path, query);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            let bytes = serde_json::to_vec(body)
                .map_err(|error| Error::Unusable(format!("cannot encode the request: {error}")))?;
            request = request.header("content-type", "application/json").body(bytes);
        }
        Ok(request)
    }

    /// Builds a request without a body.
    pub(super) fn bare_request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    fn decode<T: DeserializeOwned>(&self, status: u16, bytes: &[u8]) -> Result<T, Error> {
        if !(200..300).contains(&status) {
            return Err(self.decode_refusal(status, bytes));
        }
        // Invalid UTF-8 in one row must not make the others unreadable, so it is replaced.
        let text = if bytes.is_empty() { "null".into() } else { String::from_utf8_lossy(bytes) };
        serde_json::from_str(&text).map_err(|error| Error::UnreadableAnswer {
            base: self.base().to_owned(),
            status,
            why: error.to_string(),
        })
    }

    fn decode_refusal(&self, status: u16, bytes: &[u8]) -> Error {
        match serde_json::from_slice::<Problem>(bytes) {
            Ok(problem) if problem.code != ProblemCode::Unknown || !problem.detail.is_empty() => {
                Error::Refused { problem: Box::new(problem) }
            }
            _ => Error::UnreadableAnswer {
                base: self.base().to_owned(),
                status,
                why: "not a problem+json document".to_owned(),
            },
        }
    }

    pub(super) fn call_error(&self, error: &reqwest::Error) -> Error {
        if error.is_timeout() {
            return Error::Timeout { base: self.base().to_owned(), limit: CALL_TIMEOUT };
        }
        let mut innermost = error.source();
        while let Some(next) = innermost.and_then(std::error::Error::source) {
            innermost = Some(next);
        }
        let why = innermost.map_or_else(|| "the connection was interrupted".to_owned(), ToString::to_string);
        Error::Unreachable { base: self.base().to_owned(), why }
    }
}

/// Parses the base address of a platform: `http` or `https` with a host, without user name, password, query or fragment.
///
/// # Errors
/// [`Error::Unusable`] when `base` is no such address.
pub fn parse_base(base: &str) -> Result<Url, Error> {
    let url = Url::parse(base)
        .map_err(|error| Error::Unusable(format!("{base:?} is not a URL: {error}; try http://127.0.0.1:PORT")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::Unusable(format!("{base:?} must begin with http:// or https:// and contain a host")));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::Unusable(
            "the address must not contain a user name, password, query or fragment; leave them out".to_owned(),
        ));
    }
    Ok(url)
}

/// Creates a bare HTTP client: no credential, no redirects, no proxies, TLS certificates always verified.
///
/// # Errors
/// [`Error::Unusable`] when TLS cannot be set up.
pub fn bare_http_client() -> Result<reqwest::Client, Error> {
    bare_http_client_trusting(&[])
}

/// Creates a bare HTTP client that also trusts the certificate authorities in these PEM files.
///
/// # Errors
/// [`Error::Unusable`] when a file cannot be read or contains no certificate, or TLS cannot be set up.
pub fn bare_http_client_trusting(ca_files: &[PathBuf]) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config_trusting(ca_files)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| Error::Unusable(format!("cannot create an HTTP client: {error}")))
}

/// Configures TLS with the root certificates of the operating system and the *ring* provider.
pub(super) fn tls_config() -> Result<rustls::ClientConfig, Error> {
    tls_config_trusting(&[])
}

/// Configures TLS like every client here, with certificate authorities in these PEM files trusted beside those of the
/// operating system.
///
/// # Errors
/// [`Error::Unusable`] when a file cannot be read or contains no certificate, or TLS cannot be set up.
pub fn tls_config_trusting(ca_files: &[PathBuf]) -> Result<rustls::ClientConfig, Error> {
    let refused = |error: rustls::Error| Error::Unusable(format!("cannot set up TLS: {error}"));
    let mut roots = Vec::new();
    for path in ca_files {
        let refused = |why: String| Error::Unusable(format!("{}: {why}", path.display()));
        let bytes = files::read_limited(path, files::MAX_SETTINGS_BYTES).map_err(|error| refused(error.to_string()))?;
        let before = roots.len();
        for root in CertificateDer::pem_slice_iter(&bytes) {
            roots.push(root.map_err(|error| refused(error.to_string()))?);
        }
        if roots.len() == before {
            return Err(refused("no certificate found; expected PEM".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(refused)?;
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

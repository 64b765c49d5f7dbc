//! An S3 of a few dozen lines: what the hub asks of a store, held against what the protocol says.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

/// Objects on a page of a list, few, so that there are several pages.
const PAGE: usize = 2;

/// The access key id that requests must be signed under.
pub(crate) const KEY_ID: &str = "SYNTHETIC-KEY-ID";

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    uploads: HashMap<String, BTreeMap<u32, Bytes>>,
    calls: Vec<String>,
    is_down: bool,
}

/// The store.
#[derive(Debug)]
pub(crate) struct S3 {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(request, Arc::clone(&state)));
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(serving.await) });
            }
        });
        Self {
            address,
            state,
            task,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Keys of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    /// How many calls of a kind there were.
    pub(crate) fn count(&self, kind: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.calls.iter().filter(|call| *call == kind).count()
    }

    /// Answers nothing but 503, or works again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let signed = parts.headers.get(header::AUTHORIZATION);
    let signed = signed
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let expected = format!("AWS4-HMAC-SHA256 Credential={KEY_ID}/");
    if !signed.starts_with(&expected) {
        return Ok(status(StatusCode::FORBIDDEN));
    }
    let mut state = state.lock().unwrap();
    if state.is_down {
        return Ok(status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let query: HashMap<String, String> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.replace("%2F", "/")))
        .collect();
    let path = parts.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    assert_eq!(bucket, "bucket");
    let range = parts.headers.get(header::RANGE);
    let range = range.map(|range| range.to_str().unwrap().to_owned());
    Ok(state.handle(&parts.method, key, &query, range, body))
}

impl State {
    fn handle(
        &mut self,
        method: &Method,
        key: &str,
        query: &HashMap<String, String>,
        range: Option<String>,
        body: Bytes,
    ) -> Response<Full<Bytes>> {
        let upload = query.get("uploadId");
        match (method, upload) {
            (&Method::GET, None) if query.contains_key("list-type") => {
                self.note("list");
                self.list(query)
            }
            (&Method::GET | &Method::HEAD, None) => self.get(method, key, range),
            (&Method::POST, None) if query.contains_key("uploads") => {
                self.note("begin");
                let id = format!("upload-{}", self.calls.len());
                self.uploads.insert(id.clone(), BTreeMap::new());
                xml(&format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            (&Method::PUT, Some(id)) => {
                self.note("part");
                let number = query["partNumber"].parse().unwrap();
                self.uploads.get_mut(id).unwrap().insert(number, body);
                with_tag(Bytes::new())
            }
            (&Method::POST, Some(id)) => {
                self.note("complete");
                let parts = self.uploads.remove(id).unwrap();
                let last = parts.len() - 1;
                for (at, part) in parts.values().enumerate() {
                    assert!(
                        at == last || part.len() >= 5 << 20,
                        "S3 refuses small parts"
                    );
                }
                let whole: Vec<u8> = parts.into_values().flatten().collect();
                self.objects.insert(key.to_owned(), whole.into());
                xml("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
            }
            (&Method::DELETE, Some(id)) => {
                self.uploads.remove(id);
                status(StatusCode::NO_CONTENT)
            }
            (&Method::PUT, None) => {
                self.note("put");
                self.objects.insert(key.to_owned(), body);
                with_tag(Bytes::new())
            }
            (&Method::DELETE, None) => {
                self.note("delete");
                self.objects.remove(key);
                status(StatusCode::NO_CONTENT)
            }
            _ => status(StatusCode::NOT_IMPLEMENTED),
        }
    }

    fn note(&mut self, kind: &str) {
        self.calls.push(kind.to_owned());
    }

    fn get(&self, method: &Method, key: &str, range: Option<String>) -> Response<Full<Bytes>> {
        let Some(object) = self.objects.get(key) else {
            return status(StatusCode::NOT_FOUND);
        };
        let total = object.len();
        let mut response = with_tag(object.clone());
        if method == Method::HEAD {
            *response.body_mut() = Full::default();
            let length = total.to_string().parse().unwrap();
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
        } else if let Some(range) = range {
            let (from, to) = range
                .strip_prefix("bytes=")
                .unwrap()
                .split_once('-')
                .unwrap();
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            let to = to.min(total - 1);
            *response.body_mut() = Full::new(object.slice(from..=to));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let of = format!("bytes {from}-{to}/{total}").parse().unwrap();
            response.headers_mut().insert(header::CONTENT_RANGE, of);
        }
        response
    }

    fn list(&self, query: &HashMap<String, String>) -> Response<Full<Bytes>> {
        let prefix = query.get("prefix").cloned().unwrap_or_default();
        let after = query.get("continuation-token").cloned().unwrap_or_default();
        let mut found = self
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix) && **key > after);
        let page: Vec<_> = found.by_ref().take(PAGE).collect();
        let is_more = found.next().is_some();
        let mut text = format!("<ListBucketResult><IsTruncated>{is_more}</IsTruncated>");
        if let (true, Some((last, _))) = (is_more, page.last()) {
            write!(
                text,
                "<NextContinuationToken>{last}</NextContinuationToken>"
            )
            .unwrap();
        }
        for (key, object) in page {
            write!(
                text,
                "<Contents><Key>{key}</Key><LastModified>{}</LastModified><ETag>e</ETag>\
                 <Size>{}</Size></Contents>",
                jiff::Timestamp::now(),
                object.len()
            )
            .unwrap();
        }
        text.push_str("</ListBucketResult>");
        xml(&text)
    }
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    Response::builder()
        .status(code)
        .body(Full::default())
        .unwrap()
}

fn xml(text: &str) -> Response<Full<Bytes>> {
    Response::new(Full::new(text.to_owned().into()))
}

fn with_tag(body: Bytes) -> Response<Full<Bytes>> {
    Response::builder()
        .header(header::ETAG, "\"e\"")
        .header(header::LAST_MODIFIED, "Mon, 02 Mar 2026 00:00:00 GMT")
        .body(Full::new(body))
        .unwrap()
}

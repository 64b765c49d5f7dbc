//! Short texts in requests: keys, names, numbers, codes, and what is searched for.

use std::{cell::RefCell, fmt::Display, str::FromStr};

use hub::{identity::TokenKey, search};
use hub_core::{
    document_number::DocumentNumber,
    jwk::{JWK_BYTES_MAX, TokenJwk},
    names::{
        AgencyId, AgreedItemName, AlertName, EscalationName, InformationRequestName, LogName,
        MajorIssueName, MeetingName, MinutesName, MinutesVersionName, NotificationName, OfficerId,
        Recipient, ReferralName, RequestId, TopicName,
    },
    uscc::{self, Uscc},
};
use rusqlite::{Connection, OptionalExtension as _};

use crate::tape::Tape;

/// Words of JWKs.
pub const JWK_WORDS: &[&str] = &[
    "\"kty\":\"OKP\"",
    "\"kty\":\"EC\"",
    "\"crv\":\"Ed25519\"",
    "\"crv\":\"P-256\"",
    "\"x\":",
    "\"y\":",
    "\"d\":",
    "\"kid\":\"k\"",
    "\"alg\":\"EdDSA\"",
    "\"alg\":\"ES256\"",
    "\"use\":\"sig\"",
    "null",
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
];

/// Words of key sets, beside those of [`JWK_WORDS`].
pub const KEY_SET_WORDS: &[&str] = &[
    "{\"keys\":[",
    "]}",
    "},{",
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\"",
];

/// Words of names.
pub const NAME_WORDS: &[&str] = &[
    "channels/",
    "agencies/",
    "mechanisms/",
    "/office",
    "/inbox",
    "/sent",
    "/notifications/",
    "meetings/",
    "/topics/",
    "/minutes/",
    "/versions/",
    "/agreedItems/",
    "majorIssues/",
    "escalations/",
    "alerts/",
    "referrals/",
    "informationRequests/",
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "4294967295",
    "9223372036854775807",
    "01",
    "+1",
];

/// Words of document numbers.
pub const NUMBER_WORDS: &[&str] = &["〔", "〕", "号", "晋民函", "2021", "999999", "第", "0"];

/// Words of searches.
pub const SEARCH_WORDS: &[&str] = &[
    "年度检查",
    "查",
    "〔2021〕64号",
    "ＡＢｃ１２",
    "\u{E0100}",
    "\u{130}",
    "\u{307}",
    "ß",
    "\"",
    " AND ",
    " OR ",
    "NEAR(",
    "*",
    "{",
    "}",
    ":",
    "^",
    "\u{3000}",
    "\u{20000}",
    "々",
    "ー",
    "\u{0}",
];

/// A public key of tokens as a JWK. What is taken is written and read as the same, its key id is within the
/// rule, and it can be made a verifying key or is refused.
pub fn jwk(input: &[u8]) {
    let text = Tape::new(input).text();
    let Ok(jwk) = TokenJwk::parse(&text) else {
        return;
    };
    assert!(text.len() <= JWK_BYTES_MAX);
    assert!(hub_core::jwk::is_kid(jwk.kid()));
    assert_eq!(jwk.thumbprint().len(), 43);
    let key = TokenKey::new(&jwk);
    assert!(key.is_ok(), "coordinates that were read are no key");
    assert_eq!(TokenJwk::parse(&jwk.to_json().to_string()), Ok(jwk));
}

/// A `token-keys.json` of the roster folder. Every key of it is taken or has an error; one that is taken can
/// check tokens, and its text is one that the ledger's readers take, and the key that stands in its place.
pub fn token_key_set(input: &[u8]) {
    let keys = match hub::roster_import::token_keys(input) {
        Ok(keys) => keys,
        Err(error) => return assert!(!format!("{error:#}").is_empty()),
    };
    let set: serde_json::Value = serde_json::from_slice(input).unwrap();
    let given = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), given.len());
    for (key, given) in keys.into_iter().zip(given) {
        match key {
            Ok((jwk, text)) => {
                assert!(TokenKey::new(&jwk).is_ok());
                assert_eq!(TokenJwk::parse(&text), Ok(jwk));
                assert_eq!(
                    serde_json::from_str(&text).ok().as_ref(),
                    Some(given),
                    "{text}"
                );
            }
            Err(error) => assert!(!format!("{error:#}").is_empty()),
        }
    }
}

/// What is taken is written as the very text.
fn canonical<T: FromStr + Display>(text: &str) {
    if let Ok(name) = text.parse::<T>() {
        assert_eq!(name.to_string(), text);
    }
}

/// What is taken is written and read as the same.
fn stable<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(name) = text.parse::<T>() {
        assert!(
            name.to_string()
                .parse::<T>()
                .is_ok_and(|again| again == name)
        );
    }
}

/// Names and identifiers of every kind. There is one way to write a name, but for request ids and what they
/// end, which may be in either case.
pub fn names(input: &[u8]) {
    let text = Tape::new(input).text();
    canonical::<AgencyId>(&text);
    canonical::<OfficerId>(&text);
    canonical::<Recipient>(&text);
    canonical::<LogName>(&text);
    canonical::<MeetingName>(&text);
    canonical::<TopicName>(&text);
    canonical::<MinutesName>(&text);
    canonical::<MinutesVersionName>(&text);
    canonical::<AgreedItemName>(&text);
    canonical::<MajorIssueName>(&text);
    canonical::<EscalationName>(&text);
    canonical::<AlertName>(&text);
    canonical::<ReferralName>(&text);
    canonical::<InformationRequestName>(&text);
    stable::<RequestId>(&text);
    stable::<NotificationName>(&text);
}

/// A number of an official document. There is one way to write it.
pub fn document_number(input: &[u8]) {
    canonical::<DocumentNumber>(&Tape::new(input).text());
}

/// A unified social credit code. What is taken is the very text, and any other character in one place is
/// not taken for it.
pub fn uscc(input: &[u8]) {
    let mut tape = Tape::new(input);
    let (at, other) = (usize::from(tape.byte()), tape.byte());
    let text = tape.text();
    let Ok(checked) = uscc::check(&text) else {
        return;
    };
    assert_eq!(checked.uscc.as_str(), text);
    assert_eq!(checked.uscc.division_code().len(), 6);
    assert_eq!(
        checked.warnings.is_empty(),
        checked.uscc.inner_check_is_valid()
    );
    let mut bytes = text.clone().into_bytes();
    let place = at % bytes.len();
    bytes[place] = other;
    // GB 32100 notices every error in one character.
    let changed = String::from_utf8_lossy(&bytes).into_owned();
    assert!(
        changed == text || changed.parse::<Uscc>().is_err(),
        "{changed}"
    );
}

thread_local! {
    static TITLES: RefCell<Connection> = RefCell::new({
        let connection = Connection::open_in_memory().unwrap();
        // As the search index has it.
        connection
            .execute_batch(
                "CREATE VIRTUAL TABLE title USING fts5 (
                     text, content = '', columnsize = 0, tokenize = 'ascii', prefix = '1'
                 );",
            )
            .unwrap();
        connection
    });
}

/// Words of a title, and words that are looked for. No query is wrong in the eyes of the full-text index,
/// whatever is written; a title is found by itself.
pub fn search_query(input: &[u8]) {
    let mut tape = Tape::new(input);
    let title = String::from_utf8_lossy(tape.piece()).into_owned();
    let asked = tape.text();
    TITLES.with_borrow_mut(|connection| {
        // Dropped at the end, and with it what was put in.
        let transaction = connection.transaction().unwrap();
        let words = search::fuzzing::index_text(&title);
        transaction
            .execute("INSERT INTO title (rowid, text) VALUES (1, ?1)", [&words])
            .unwrap();
        let is_found = |query: &str| {
            let sql = "SELECT rowid FROM title WHERE title MATCH ?1";
            let found = transaction.query_row(sql, [query], |row| row.get::<_, i64>(0));
            let found = found.optional();
            found
                .unwrap_or_else(|error| panic!("{query}: {error}"))
                .is_some()
        };
        if let Some(query) = search::fuzzing::query(&asked) {
            assert!(search::TitleQuery::new(&asked).is_some());
            is_found(&query);
        }
        if let Some(query) = search::fuzzing::query(&title) {
            assert!(is_found(&query), "{title:?} is not found by {query}");
        }
    });
}

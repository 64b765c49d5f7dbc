//! Names whose last part is the `request_id` that made the record.

macro_rules! named_by_id {
    ($(#[$doc:meta])* $name:ident = $collection:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub RequestId);

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                const RULE: NameError = NameError($rule);
                let id = text.strip_prefix(concat!($collection, "/")).ok_or(RULE)?;
                let id: RequestId = id.parse().map_err(|_| RULE)?;
                let name = Self(id);
                if name.to_string() == text { Ok(name) } else { Err(RULE) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($collection, "/{}"), self.0)
            }
        }
    };
}

pub(super) use named_by_id;

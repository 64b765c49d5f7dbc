//! What is wrong with a charter: file, line, path, rule and what to do.

use std::fmt;

/// One rule that a charter breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharterError {
    /// Line in the file, from 1.
    pub line: usize,
    /// Path of the field, such as `mechanisms[0].members[2].agency`; empty for the whole file.
    pub path: String,
    /// The rule, with the value at fault.
    pub rule: String,
    /// What to do about it.
    pub hint: String,
}

/// Every rule that a charter breaks, in order of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharterErrors {
    /// Name of the file.
    pub file: String,
    /// The errors, at least one.
    pub errors: Vec<CharterError>,
}

impl fmt::Display for CharterErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.errors.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            let CharterError {
                line,
                path,
                rule,
                hint,
            } = error;
            write!(f, "{}:{line}: ", self.file)?;
            if !path.is_empty() {
                write!(f, "{path}: ")?;
            }
            write!(f, "{rule} ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for CharterErrors {}

//! Values of arguments of `alert`.

use clap::ValueEnum;
use hub_proto::funds::{AlertAction, AlertKind, AlertState, Direction, FindingKind, Severity};

/// Series of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertKindArg {
    /// Abnormal fund movement.
    AbnormalMovement,
    /// A donation from overseas.
    OverseasDonation,
}

impl From<AlertKindArg> for AlertKind {
    fn from(arg: AlertKindArg) -> Self {
        match arg {
            AlertKindArg::AbnormalMovement => Self::AbnormalMovement,
            AlertKindArg::OverseasDonation => Self::OverseasDonation,
        }
    }
}

/// Which way money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DirectionArg {
    /// To the organisation.
    In,
    /// From the organisation.
    Out,
    /// Both.
    Both,
}

impl From<DirectionArg> for Direction {
    fn from(arg: DirectionArg) -> Self {
        match arg {
            DirectionArg::In => Self::In,
            DirectionArg::Out => Self::Out,
            DirectionArg::Both => Self::Both,
        }
    }
}

/// How severe an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityArg {
    /// Routine.
    Routine,
    /// A major anomaly.
    Major,
    /// An emergency: all members are told at once.
    Emergency,
}

impl From<SeverityArg> for Severity {
    fn from(arg: SeverityArg) -> Self {
        match arg {
            SeverityArg::Routine => Self::Routine,
            SeverityArg::Major => Self::Major,
            SeverityArg::Emergency => Self::Emergency,
        }
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertStateArg {
    /// Circulated; no unit has acknowledged it.
    Circulated,
    /// At least one unit has acknowledged it.
    UnderHandling,
    /// At least one unit has recorded a finding.
    Found,
    /// Closed with a reason.
    Closed,
    /// Taken back.
    Retracted,
}

impl From<AlertStateArg> for AlertState {
    fn from(arg: AlertStateArg) -> Self {
        match arg {
            AlertStateArg::Circulated => Self::Circulated,
            AlertStateArg::UnderHandling => Self::UnderHandling,
            AlertStateArg::Found => Self::Found,
            AlertStateArg::Closed => Self::Closed,
            AlertStateArg::Retracted => Self::Retracted,
        }
    }
}

/// What a unit does about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActionArg {
    /// It checks.
    Checks,
    /// It does nothing; say why with --text.
    NoAction,
    /// It needs more information; say which with --text.
    NeedsInformation,
    /// It has taken note; of a retraction only.
    Noted,
}

impl From<ActionArg> for AlertAction {
    fn from(arg: ActionArg) -> Self {
        match arg {
            ActionArg::Checks => Self::Checks,
            ActionArg::NoAction => Self::NoAction,
            ActionArg::NeedsInformation => Self::NeedsInformation,
            ActionArg::Noted => Self::Noted,
        }
    }
}

/// What a unit found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingArg {
    /// There is something to it.
    Substantiated,
    /// There is nothing to it.
    Unsubstantiated,
    /// It belongs to another procedure.
    Referred,
}

impl From<FindingArg> for FindingKind {
    fn from(arg: FindingArg) -> Self {
        match arg {
            FindingArg::Substantiated => Self::Substantiated,
            FindingArg::Unsubstantiated => Self::Unsubstantiated,
            FindingArg::Referred => Self::Referred,
        }
    }
}

/// What becomes of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewArg {
    /// It stays.
    Upheld,
    /// It ends.
    Lifted,
}

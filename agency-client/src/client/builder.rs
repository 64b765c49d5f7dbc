//! Who acts, and how patiently: settled before a client connects.

use std::{sync::Arc, time::Duration};

use hub_core::names::{OfficerId, RoleId};

use super::{Client, DEADLINE_DEFAULT, DEADLINE_MAX, ROLES_MAX, Shared, checked_purpose};
use crate::{
    attachments::PATIENCE,
    checkpoint::CheckpointMemory,
    error::{ClientError, Result},
    observer::{Observer, Watched},
    profile::{Identity, Profile},
    retry::RetryPolicy,
    token::Minter,
    transport,
};

/// Settles who acts, and how patiently, before connecting.
///
/// ```no_run
/// use std::time::Duration;
///
/// use agency_client::{ClientBuilder, Profile};
///
/// # fn example(profile: &Profile) -> agency_client::Result<()> {
/// let leader = ClientBuilder::new(profile)
///     .officer("tax-leader-1")
///     .roles(["leader"])
///     .deadline(Duration::from_secs(30))
///     .build()?;
/// # drop(leader);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    profile: Profile,
    endpoint: Option<String>,
    officer: Option<String>,
    roles: Option<Vec<String>>,
    purpose: Option<String>,
    deadline: Duration,
    transfer_patience: Duration,
    retry: RetryPolicy,
    observer: Watched,
}

impl ClientBuilder {
    /// A builder with the profile's officer, roles and endpoint, a deadline of
    /// [`DEADLINE_DEFAULT`] and the default [`RetryPolicy`].
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        Self {
            profile: profile.clone(),
            endpoint: None,
            officer: None,
            roles: None,
            purpose: None,
            deadline: DEADLINE_DEFAULT,
            transfer_patience: PATIENCE,
            retry: RetryPolicy::default(),
            observer: Watched::default(),
        }
    }

    /// Another endpoint than the profile's, such as `https://127.0.0.1:7443`.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).endpoint("https://127.0.0.1:7443").build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Another officer than the profile's.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).officer("tax-leader-1").build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn officer(mut self, officer: impl Into<String>) -> Self {
        self.officer = Some(officer.into());
        self
    }

    /// Other roles than the profile's.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).roles(["leader"]).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// What restricted records are read for, instead of the profile's: see [`Client::with_purpose`].
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).purpose("核查晋社案〔2026〕12号").build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.purpose = Some(purpose.into());
        self
    }

    /// Time that a call may take, retries included: more than nothing, [`DEADLINE_MAX`] at most.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).deadline(std::time::Duration::from_secs(30)).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// For how long nothing may move before an upload or a download is given up: [`PATIENCE`] unless it is set
    /// here; more than nothing, [`DEADLINE_MAX`] at most. The deadline is for calls that answer at once.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let patience = std::time::Duration::from_secs(15);
    /// let client = ClientBuilder::new(profile).transfer_patience(patience).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn transfer_patience(mut self, patience: Duration) -> Self {
        self.transfer_patience = patience;
        self
    }

    /// How often and how soon calls are tried again.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).retry(agency_client::RetryPolicy::never()).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Told of calls, reconnections, checkpoints and outboxes, for metrics. There is none unless
    /// it is set here.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use agency_client::{ClientBuilder, Profile, observer::Observer};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// struct Heard;
    ///
    /// impl Observer for Heard {
    ///     fn reconnected(&self) {
    ///         eprintln!("the hub is back");
    ///     }
    /// }
    ///
    /// let client = ClientBuilder::new(profile).observer(Arc::new(Heard)).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Watched::new(observer);
        self
    }

    /// Reads certificate and keys. The connection comes about with the first call, and again
    /// whenever it broke.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::LocalFile`] or [`ClientError::Input`] when the profile, a file that it names
    /// or a setting is not usable.
    pub fn build(self) -> Result<Client> {
        let identity = Identity::load(&self.profile)?;
        let endpoint = self.endpoint.unwrap_or(self.profile.endpoint);
        let officer = self.officer.unwrap_or(self.profile.officer);
        let roles = self.roles.unwrap_or(self.profile.roles);
        officer
            .parse::<OfficerId>()
            .map_err(|rule| ClientError::input("officer", rule.to_string()))?;
        if roles.is_empty() || roles.len() > ROLES_MAX {
            let rule = format!("1 to {ROLES_MAX} roles are needed");
            return Err(ClientError::input("roles", rule));
        }
        for role in &roles {
            role.parse::<RoleId>()
                .map_err(|rule| ClientError::input(format!("role {role}"), rule.to_string()))?;
        }
        for (field, time) in [
            ("deadline", self.deadline),
            ("transfer_patience", self.transfer_patience),
        ] {
            if time.is_zero() || time > DEADLINE_MAX {
                let hours = DEADLINE_MAX.as_secs() / 3_600;
                let rule = format!("must be more than nothing and at most {hours} hours");
                return Err(ClientError::input(field, rule));
            }
        }
        let purpose = self.purpose.or(self.profile.purpose).unwrap_or_default();
        let purpose = checked_purpose(&purpose)?;
        let (channel, watch) = transport::channel(&identity, &endpoint, self.observer.clone())?;
        let memory = CheckpointMemory::new(&self.profile.state_dir, identity.ledger_key.clone());
        Ok(Client {
            shared: Arc::new(Shared {
                channel,
                endpoint,
                watch,
                minter: Minter::new(identity.clone(), officer, roles),
                identity,
                deadline: self.deadline,
                transfer_patience: self.transfer_patience,
                retry: self.retry,
                memory,
                observer: self.observer,
            }),
            purpose,
        })
    }

    /// Builds the client and asks the hub whether it takes the caller for who it is.
    ///
    /// ```no_run
    /// use agency_client::{ClientBuilder, Profile};
    ///
    /// # async fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = ClientBuilder::new(profile).roles(["clerk"]).connect().await?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::build`], and whatever the first call meets.
    pub async fn connect(self) -> Result<Client> {
        let client = self.build()?;
        client.members().who_am_i().await?;
        Ok(client)
    }
}

//! The broadcasts that commands are carried out on.

use ingest_lambda::{Asked, Native, Operator, Settings};
use packager_core::operator::Answer;

use crate::store::{Place, PlaceArgs};

/// A place that can be used.
pub(super) struct Bucket {
    place: String,
    settings: Settings,
    operator: Operator<Place, (), Native>,
}

impl Bucket {
    /// Opens a place.
    pub(super) fn open(place: &PlaceArgs) -> Result<Self, String> {
        let settings = Settings::default();
        let operator = Operator::new(place.open()?, (), settings, usize::MAX);
        Ok(Self { place: place.shown().to_owned(), settings, operator })
    }

    /// As it was said.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// How media is cut where nothing is said of it.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Does what is asked.
    pub(super) async fn answer(&self, asked: &Asked<'_>) -> Answer {
        self.operator.answer(asked).await
    }
}

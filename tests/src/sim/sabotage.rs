//! Breaks to plant, so that it is known that the simulation sees them.

/// A planted break, in the simulation's own drivers or store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sabotage {
    /// None.
    #[default]
    None,
    /// The store changes a part after it was published.
    ChangeParts,
    /// A host writes each part a second time.
    WriteTwice,
    /// A host writes each checkpoint again a little later.
    CheckpointTwice,
    /// One edge folds with another `segment_ms`.
    FoldOtherwise,
    /// A host answers an upload when its body has ended.
    AnswerEarly,
    /// What is sent twice is taken for new.
    TakeTwice,
    /// A host tells its edge of an object before it is stored.
    ListEarly,
    /// A host answers a request for a part before it is there.
    AnswerHintEarly,
}

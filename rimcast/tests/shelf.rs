//! What is done with recordings where they are kept: as the program itself does it, over a folder.

mod shelf {
    pub(crate) mod export;
    pub(crate) mod recorded;
    pub(crate) mod repair;
    pub(crate) mod verify;
}

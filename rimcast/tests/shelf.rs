//! What is done with recordings where they are kept: as the program itself does it, over a folder and over SeaweedFS.

mod shelf {
    pub(crate) mod export;
    pub(crate) mod recorded;
    pub(crate) mod repair;
    pub(crate) mod verify;
}

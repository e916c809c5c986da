//! `rimcast inspect`.
#[derive(clap::Args)]
pub(crate) struct InspectArgs {
    #[arg(required = true)]
    paths: Vec<std::path::PathBuf>,
}
pub(crate) fn run(a: &InspectArgs) -> std::io::Result<()> {
    let _ = &a.paths;
    Ok(())
}

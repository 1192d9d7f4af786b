//! VM sizes: capabilities as the SKU list gives them, Linux prices of `eastus`.

/// The architecture of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    X64,
    Arm64,
}

impl Arch {
    /// As in the capability `CpuArchitectureType`.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "Arm64",
        }
    }
}

/// A size.
#[derive(Debug, PartialEq)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    /// The quota's name.
    pub(crate) family: &'static str,
    /// The quota's name for people.
    pub(crate) family_display: &'static str,
    pub(crate) cores: u32,
    pub(crate) memory_gb: f64,
    /// Temporary disk; 0 if there is none.
    pub(crate) temp_mb: u32,
    pub(crate) data_disks: u32,
    pub(crate) nics: u32,
    pub(crate) arch: Arch,
    /// US dollars per hour in `eastus`, in millionths.
    pub(crate) price_micros: u64,
}

macro_rules! sizes {
    ($($name:literal $family:ident $cores:literal $memory:literal $temp:literal $disks:literal $nics:literal $arch:ident $price:literal;)*) => {
        /// The sizes offered.
        pub(crate) const SIZES: &[Size] = &[$(Size {
            name: $name,
            family: $family.0,
            family_display: $family.1,
            cores: $cores,
            memory_gb: $memory,
            temp_mb: $temp,
            data_disks: $disks,
            nics: $nics,
            arch: Arch::$arch,
            price_micros: $price,
        }),*];
    };
}

type Family = (&'static str, &'static str);
const BS: Family = ("standardBSFamily", "Standard BS Family vCPUs");
const DSV2: Family = ("standardDSv2Family", "Standard DSv2 Family vCPUs");
const DV2: Family = ("standardDv2Family", "Standard Dv2 Family vCPUs");
const DSV3: Family = ("standardDSv3Family", "Standard DSv3 Family vCPUs");
const DSV5: Family = ("standardDSv5Family", "Standard DSv5 Family vCPUs");
const DASV5: Family = ("standardDASv5Family", "Standard DASv5 Family vCPUs");
const DPSV5: Family = ("standardDPSv5Family", "Standard DPSv5 Family vCPUs");
const ESV5: Family = ("standardESv5Family", "Standard ESv5 Family vCPUs");
const FSV2: Family = ("standardFSv2Family", "Standard FSv2 Family vCPUs");

sizes! {
    "Standard_B1ls" BS 1 0.5 4096 2 2 X64 5_200;
    "Standard_B1s" BS 1 1.0 4096 2 2 X64 10_400;
    "Standard_B1ms" BS 1 2.0 4096 2 2 X64 20_700;
    "Standard_B2s" BS 2 4.0 8192 4 3 X64 41_600;
    "Standard_B2ms" BS 2 8.0 16384 4 3 X64 83_200;
    "Standard_B4ms" BS 4 16.0 32768 8 4 X64 166_000;
    "Standard_D1_v2" DV2 1 3.5 51200 4 2 X64 73_000;
    "Standard_D2_v2" DV2 2 7.0 102400 8 2 X64 146_000;
    "Standard_DS1_v2" DSV2 1 3.5 7168 4 2 X64 73_000;
    "Standard_DS2_v2" DSV2 2 7.0 14336 8 2 X64 146_000;
    "Standard_DS3_v2" DSV2 4 14.0 28672 16 4 X64 293_000;
    "Standard_D2s_v3" DSV3 2 8.0 16384 4 2 X64 96_000;
    "Standard_D4s_v3" DSV3 4 16.0 32768 8 2 X64 192_000;
    "Standard_D8s_v3" DSV3 8 32.0 65536 16 4 X64 384_000;
    "Standard_D2s_v5" DSV5 2 8.0 0 4 2 X64 96_000;
    "Standard_D4s_v5" DSV5 4 16.0 0 8 2 X64 192_000;
    "Standard_D8s_v5" DSV5 8 32.0 0 16 4 X64 384_000;
    "Standard_D16s_v5" DSV5 16 64.0 0 32 8 X64 768_000;
    "Standard_D32s_v5" DSV5 32 128.0 0 32 8 X64 1_536_000;
    "Standard_D2as_v5" DASV5 2 8.0 0 4 2 X64 86_000;
    "Standard_D4as_v5" DASV5 4 16.0 0 8 2 X64 172_000;
    "Standard_D2ps_v5" DPSV5 2 8.0 0 4 2 Arm64 77_000;
    "Standard_D4ps_v5" DPSV5 4 16.0 0 8 2 Arm64 154_000;
    "Standard_D8ps_v5" DPSV5 8 32.0 0 16 4 Arm64 308_000;
    "Standard_E2s_v5" ESV5 2 16.0 0 4 2 X64 126_000;
    "Standard_E4s_v5" ESV5 4 32.0 0 8 2 X64 252_000;
    "Standard_E8s_v5" ESV5 8 64.0 0 16 4 X64 504_000;
    "Standard_F2s_v2" FSV2 2 4.0 16384 4 2 X64 84_600;
    "Standard_F4s_v2" FSV2 4 8.0 32768 8 2 X64 169_000;
    "Standard_F8s_v2" FSV2 8 16.0 65536 16 4 X64 338_000;
}

/// The size of a name, without case.
pub(crate) fn size(name: &str) -> Option<&'static Size> {
    SIZES
        .iter()
        .find(|size| size.name.eq_ignore_ascii_case(name))
}

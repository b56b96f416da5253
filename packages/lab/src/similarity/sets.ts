/** Known sets of pictures, recognised by the names of their files; a part of a set is recognised too. */

/** A known set. */
export interface KnownSet {
  /** Its name. */
  readonly name: SetName;
  /** Pictures that it has in all. */
  readonly total: number;
}

/** The name of a known set. */
export type SetName = "DIV2K" | "Urban100" | "Manga109" | "Flickr2K" | "Kodak" | "Set5" | "Set14";

/** A file's name without extension and without what marks the size of a version. */
function stem(name: string): string {
  return name.replace(/\.[^.]+$/, "").replace(/([_-](SRF_\d+_)?(HR|GT)|x[2348])$/i, "");
}

/** A test of numbered names: how they are written, and from where to where they count. */
function numbered(pattern: RegExp, low: number, high: number): (name: string) => boolean {
  return (name) => {
    const number = Number(pattern.exec(name)?.[1] ?? Number.NaN);
    return number >= low && number <= high;
  };
}

function named(names: string): (name: string) => boolean {
  const all = new Set(names.split(" "));
  return (name) => all.has(name.toLowerCase());
}

/** Titles of Manga109's volumes, as far as their beginnings tell them from others. */
const MANGA =
  /^(AisazuNiha|AkkeraKanjinchou|Akuhamu|AosugiruHaru|AppareKappore|Arisa|ARMS|BakuretsuKungFu|Belmondo|BEMADER|BokuHaSitataka|BurariTessen|ByebyeC|Count3De|DollGun|Donburakokko|DualJustice|EienNoWith|EvaLady|EverydayOsakana|GakuenNoise|GarakutayaManta|GinNoChimera|GOOD_KISS|Hamlet|HanzaiKousyounin|HaruichibanNo|HarukaRefrain|HealingPlanet|HeiseiJimen|HighschoolKimengumi|HinagikuKenzan|HisokaReturns|Jangiri|JijiBaba|JoouariNo|JyovolleyNo|KarappoHigh|KimiHaBoku|KoukouNo|KuroidoGanka|KyokugenCyclone|LancelotFull|LoveHina|MadouTaiga|MAD_STONE|MagicianLoad|MagicStarGakuin|MariaSamaNi|MayaNoAkai|MemorySeijin|MeteoSanStrike|MiraiSan|MisutenaideDaisy|MoeruOnisan|MomoyamaHaikagura|MukoukizuNo|NekodamaNo|Nekodama|NichijouSoup|OhWarera|OL_Lunch|ParaisoRoad|PikaruGenki|PLANET7|PlatinumJungle|PrayerHa|PrismHeart|PsychoStaff|Raphael|ReveryEarth|RinToSite|RisingGirl|Saisoku|SaladDays|SamayoeruSyonen|SeisinkiVulnus|ShimatteIkouze|SonokiDe|SyabondamaKieta|TaiyouNiSmash|TapkunNo|TasogareTsushin|TennenSenshi|TensiNoHane|TetsuSan|That'?sIzumiko|ToutaMairimasu|TotteokiNo|TouyouKidan|TsubasaNo|UchiNoNyan|UchuKigeki|UltraEleven|UnbalanceTokyo|WarewareHaOni|YamatoNoHane|YasasiiAkuma|YouchienBoueigumi|YoumaKourin|YukiNoFuru|YumeNoKayoiji|YumeiroCooking)/i;

/** How a set's files are called; names that several sets share need the directory's name. */
interface Layout extends KnownSet {
  readonly fits: (stem: string) => boolean;
  /** Whether other sets have the same names, so that only the directory or the full number tells. */
  readonly shared: boolean;
}

const img = (most: number) => numbered(/^img_(\d{3})$/i, 1, most);

const layouts: readonly Layout[] = [
  { name: "DIV2K", total: 900, fits: numbered(/^(\d{4})$/, 1, 900), shared: false },
  { name: "Flickr2K", total: 2650, fits: numbered(/^(\d{6})$/, 1, 2650), shared: false },
  { name: "Manga109", total: 109, fits: (name) => MANGA.test(name), shared: false },
  { name: "Kodak", total: 24, fits: numbered(/^kodim(\d{2})$/i, 1, 24), shared: false },
  { name: "Set5", total: 5, fits: named("baby bird butterfly head woman"), shared: false },
  {
    name: "Set14",
    total: 14,
    fits: named(
      "baboon barbara bridge coastguard comic face flowers foreman lenna lena man monarch pepper peppers ppt3 zebra",
    ),
    shared: false,
  },
  { name: "Set5", total: 5, fits: img(5), shared: true },
  { name: "Set14", total: 14, fits: img(14), shared: true },
  { name: "Urban100", total: 100, fits: img(100), shared: true },
];

/**
 * The known set that pictures are of, or of which they are a part.
 * @param directory the name of their directory, which tells sets with equal names of files apart
 * @param names names of all files
 */
export function knownSet(directory: string, names: readonly string[]): KnownSet | undefined {
  const stems = [...new Set(names.map(stem))];
  if (stems.length < 2) return undefined;
  const plain = directory.toLowerCase().replace(/[^a-z0-9]/g, "");
  const fitting = layouts.filter(({ fits, total }) => stems.length <= total && stems.every(fits));
  const said = fitting.find(({ name }) => plain.includes(name.toLowerCase()));
  // BSD100 calls its pictures as Urban100 does.
  if (said === undefined && /bsd|bsds|berkeley/.test(plain)) return undefined;
  const found =
    said ??
    fitting.find(({ shared }) => !shared) ??
    fitting.find(({ total }) => stems.length === total) ??
    // Numbers beyond those of the smaller sets.
    (fitting.length === 1 ? fitting[0] : undefined);
  return found === undefined ? undefined : { name: found.name, total: found.total };
}

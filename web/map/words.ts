// Every word on the page, in each language. A word that a language lacks does not compile.

const english = {
  name: "English",
  skip_to_time: "Skip to the timeline", language: "Language", share: "Share link", shared: "Link copied", map: "Map of rain",
  other_map: "Map of the method beside it", layers: "Layers", method: "Method", compare: "Beside it", nothing: "nothing", quantity: "Shown",
  rain: "Rain rate", probability: (threshold: string) => `Chance of ≥ ${threshold} mm/h`, unit: "Unit", opacity: "Opacity", place: "Place",
  table: "Colours", tables: { stormcell: "stormcell", cividis: "cividis, by lightness", radar: "weather radar" },
  speed: "Speed", speed_of: (n: number) => `${n} pictures a second`,
  latitude: "Latitude", longitude: "Longitude", show: "Show", how_good: "How good were the forecasts?",
  how_good_words: "Forecasts of the last hours whose time has come, against the radar: 1 is perfect. Persistence says that it goes on raining where it rained.",
  event: "Rain of at least", hours: "Over the last", hours_of: (n: number) => `${n} hours`, timeline: "Timeline", play: "Play", pause: "Pause",
  earlier: "One step earlier", later: "One step later", time: "Time", observed: "radar", forecast: "forecast", api_key: "API key of this service",
  no_data: "There is no forecast yet. This page looks again by itself.", offline: "The service does not answer. What is shown may be old.",
  newest: (time: string, ago: string) => `Radar of ${time} UTC, ${ago} ago`,
  stale: (time: string, minutes: string) => `OLD DATA: the newest radar scan is of ${time} UTC, ${minutes} ago`,
  click: "Click the map, or give coordinates, for the rain at a place.",
  starts: (n: number) => `Rain starts in about ${n} min.`, ends: (n: number) => `It rains; dry in about ${n} min.`,
  rains_on: (n: number) => `It rains, and goes on for the ${n} min that are known.`, dry: (n: number) => `Dry for the next ${n} min, as far as is known.`,
  outside: "Beyond the radar's grid.", not_seen: "The radar does not see this place.", over: "This forecast is over: there are no newer data.",
  rain_axis: "rain rate [mm/h]", minutes_axis: "UTC", between: (low: number, high: number) => `${low} to ${high} % of members`,
  csi_axis: "CSI", lead_axis: "lead time [min]", no_scores: "No forecast has come true yet.", persistence: "persistence",
  unseen: "not seen by the radar", ahead: (n: number) => `+${n} min`, hours_ago: (n: number) => `${n} h`, days_ago: (n: number) => `${n} days`, minutes_ago: (n: number) => `${n} min`,
  score_table: "CSI by lead time", data_from: "Data: ",
};

export type Words = typeof english;

const german: Words = {
  name: "Deutsch",
  skip_to_time: "Zur Zeitleiste springen", language: "Sprache", share: "Link teilen", shared: "Link kopiert", map: "Regenkarte",
  other_map: "Karte des Verfahrens daneben", layers: "Ebenen", method: "Verfahren", compare: "Daneben", nothing: "nichts", quantity: "Gezeigt",
  rain: "Regenrate", probability: (threshold) => `Chance auf ≥ ${threshold} mm/h`, unit: "Einheit", opacity: "Deckkraft", place: "Ort",
  table: "Farben", tables: { stormcell: "stormcell", cividis: "cividis, nach Helligkeit", radar: "Wetterradar" },
  speed: "Tempo", speed_of: (n) => `${n} Bilder je Sekunde`,
  latitude: "Breite", longitude: "Länge", show: "Zeigen", how_good: "Wie gut waren die Vorhersagen?",
  how_good_words: "Vorhersagen der letzten Stunden, deren Zeit gekommen ist, gegen das Radar: 1 ist perfekt. Persistenz sagt, dass es dort weiter regnet, wo es regnete.",
  event: "Regen von mindestens", hours: "Über die letzten", hours_of: (n) => `${n} Stunden`, timeline: "Zeitleiste", play: "Abspielen", pause: "Anhalten",
  earlier: "Einen Schritt früher", later: "Einen Schritt später", time: "Zeit", observed: "Radar", forecast: "Vorhersage", api_key: "API-Schlüssel dieses Dienstes",
  no_data: "Es gibt noch keine Vorhersage. Diese Seite sieht von selbst wieder nach.", offline: "Der Dienst antwortet nicht. Was zu sehen ist, kann alt sein.",
  newest: (time, ago) => `Radar von ${time} UTC, vor ${ago}`,
  stale: (time, minutes) => `ALTE DATEN: das neueste Radarbild ist von ${time} UTC, vor ${minutes}`,
  click: "Auf die Karte klicken oder Koordinaten angeben: der Regen an einem Ort.",
  starts: (n) => `Regen beginnt in etwa ${n} min.`, ends: (n) => `Es regnet; trocken in etwa ${n} min.`,
  rains_on: (n) => `Es regnet, und so bleibt es in den ${n} min, die bekannt sind.`, dry: (n) => `Trocken in den nächsten ${n} min, soweit bekannt.`,
  outside: "Außerhalb des Radargitters.", not_seen: "Diesen Ort sieht das Radar nicht.", over: "Diese Vorhersage ist vorbei: es gibt keine neueren Daten.",
  rain_axis: "Regenrate [mm/h]", minutes_axis: "UTC", between: (low, high) => `${low} bis ${high} % der Mitglieder`,
  csi_axis: "CSI", lead_axis: "Vorhersagezeit [min]", no_scores: "Noch keine Vorhersage ist eingetroffen.", persistence: "Persistenz",
  unseen: "vom Radar nicht gesehen", ahead: (n) => `+${n} min`, hours_ago: (n) => `${n} h`, days_ago: (n) => `${n} Tagen`, minutes_ago: (n) => `${n} min`,
  score_table: "CSI nach Vorhersagezeit", data_from: "Daten: ",
};

export const LANGUAGES: Record<string, Words> = { en: english, de: german };

/** The language of the reader, if there is one; else English. */
export function preferred(): string {
  const stored = localStorage.getItem("stormcell-language");
  const wanted = [stored, ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((tag): tag is string => tag !== null && tag in LANGUAGES) ?? "en";
}

/** Write the plain words of a language into the page. */
export function write(language: string): Words {
  const words = LANGUAGES[language] ?? english;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-word]")) element.textContent = plain(words, element.dataset.word);
  for (const element of document.querySelectorAll<HTMLElement>("[data-label]")) element.setAttribute("aria-label", plain(words, element.dataset.label));
  return words;
}

function plain(words: Words, name: string | undefined): string {
  const word = words[name as keyof Words];
  if (typeof word !== "string") throw new Error(`no plain word ${name}`);
  return word;
}

package calendar

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/ar"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/au"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/bg"
	"github.com/rickar/cal/v2/br"
	"github.com/rickar/cal/v2/ca"
	"github.com/rickar/cal/v2/ch"
	"github.com/rickar/cal/v2/cz"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/gr"
	"github.com/rickar/cal/v2/hr"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/jp"
	"github.com/rickar/cal/v2/lt"
	"github.com/rickar/cal/v2/lv"
	"github.com/rickar/cal/v2/mw"
	"github.com/rickar/cal/v2/nc"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/no"
	"github.com/rickar/cal/v2/nz"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/ro"
	"github.com/rickar/cal/v2/ru"
	"github.com/rickar/cal/v2/se"
	"github.com/rickar/cal/v2/si"
	"github.com/rickar/cal/v2/sk"
	"github.com/rickar/cal/v2/ua"
	"github.com/rickar/cal/v2/us"
	"github.com/rickar/cal/v2/za"
)

// regions are the lists of public holidays by ISO 3166-1 country code, or by
// ISO 3166-2 code where a part of the country has a list of its own.
var regions = map[string][]*cal.Holiday{
	"AR": ar.Holidays, "AT": at.Holidays, "BE": be.Holidays, "BG": bg.Holidays, "BR": br.Holidays,
	"CA": ca.Holidays, "CH": ch.Holidays, "CZ": cz.Holidays, "DE": de.Holidays, "DK": dk.Holidays,
	"ES": es.Holidays, "FR": fr.Holidays, "GB": gb.Holidays, "GR": gr.Holidays, "HR": hr.Holidays,
	"IE": ie.Holidays, "IT": it.Holidays, "JP": jp.Holidays, "LT": lt.Holidays, "LV": lv.Holidays,
	"MW": mw.Holidays, "NC": nc.Holidays, "NL": nl.Holidays, "NO": no.Holidays, "NZ": nz.Holidays,
	"PL": pl.Holidays, "RO": ro.Holidays, "RU": ru.Holidays, "SE": se.Holidays, "SI": si.Holidays,
	"SK": sk.Holidays, "UA": ua.Holidays, "US": us.Holidays, "ZA": za.Holidays,

	"AU-ACT": au.HolidaysACT, "AU-NSW": au.HolidaysNSW, "AU-NT": au.HolidaysNT, "AU-QLD": au.HolidaysQLD,
	"AU-SA": au.HolidaysSA, "AU-TAS": au.HolidaysTAS, "AU-VIC": au.HolidaysVIC, "AU-WA": au.HolidaysWA,

	"CH-ZH": ch.HolidaysZH, "CH-BE": ch.HolidaysBE, "CH-LU": ch.HolidaysLU, "CH-UR": ch.HolidaysUR,
	"CH-SZ": ch.HolidaysSZ, "CH-OW": ch.HolidaysOW, "CH-NW": ch.HolidaysNW, "CH-GL": ch.HolidaysGL,
	"CH-ZG": ch.HolidaysZG, "CH-FR": ch.HolidaysFR, "CH-SO": ch.HolidaysSO, "CH-BS": ch.HolidaysBS,
	"CH-BL": ch.HolidaysBL, "CH-SH": ch.HolidaysSH, "CH-AR": ch.HolidaysAR, "CH-AI": ch.HolidaysAI,
	"CH-SG": ch.HolidaysSG, "CH-GR": ch.HolidaysGR, "CH-AG": ch.HolidaysAG, "CH-TG": ch.HolidaysTG,
	"CH-VD": ch.HolidaysVD, "CH-TI": ch.HolidaysTI, "CH-VS": ch.HolidaysVS, "CH-NE": ch.HolidaysNE,
	"CH-GE": ch.HolidaysGE, "CH-JU": ch.HolidaysJU,

	"DE-BW": de.HolidaysBW, "DE-BY": de.HolidaysBY, "DE-BE": de.HolidaysBE, "DE-BB": de.HolidaysBB,
	"DE-HB": de.HolidaysHB, "DE-HH": de.HolidaysHH, "DE-HE": de.HolidaysHE, "DE-MV": de.HolidaysMV,
	"DE-NI": de.HolidaysNI, "DE-NW": de.HolidaysNW, "DE-RP": de.HolidaysRP, "DE-SL": de.HolidaysSL,
	"DE-SN": de.HolidaysSN, "DE-ST": de.HolidaysST, "DE-SH": de.HolidaysSH, "DE-TH": de.HolidaysTH,
}

// The library makes its dates in a zone of its choice. In the machine's, a
// midnight that the zone leaves out would move a holiday to the day before.
func init() { cal.DefaultLoc = time.UTC }

// MaxRegionYears bounds how many years of holidays are listed at once.
const MaxRegionYears = 50

// Regions returns the codes that [RegionHolidays] knows, sorted.
func Regions() []string {
	return slices.Sorted(maps.Keys(regions))
}

// RegionHolidays returns, sorted, the dates from year from to year to on which
// a region keeps its public holidays: the day that replaces a holiday on a
// weekend, and that holiday itself too, for sellers who are open on weekends.
// Holidays that a law of a later year adds or moves are not among them.
func RegionHolidays(region string, from, to int) ([]Date, error) {
	holidays, ok := regions[region]
	if !ok {
		return nil, fmt.Errorf("%q is no region whose holidays are known, such as NL, DE-BY or US", region)
	}
	if from < 1 || to > 9999 || to < from || to-from >= MaxRegionYears {
		return nil, fmt.Errorf("holidays are listed for 1 to %d years, not from %d to %d", MaxRegionYears, from, to)
	}
	var dates []Date
	for year := from - 1; year <= to+1; year++ { // New Year may be kept in December
		for _, h := range holidays {
			dates = appendKept(dates, h, year)
		}
	}
	dates = slices.DeleteFunc(dates, func(d Date) bool {
		year, _, _ := d.Civil()
		return year < from || year > to
	})
	slices.Sort(dates)
	return slices.Compact(dates), nil
}

// appendKept appends the dates on which h is kept for a year.
func appendKept(dates []Date, h *cal.Holiday, year int) []Date {
	day, kept := h.Calc(year)
	if kept.IsZero() {
		return dates // not in that year
	}
	dates = append(dates, DateOf(kept, time.UTC))
	if cal.IsWeekend(day) {
		dates = append(dates, DateOf(day, time.UTC))
	}
	return dates
}

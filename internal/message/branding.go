package message

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// defaultColor is the colour of a seller who has none.
const defaultColor = "#1d4ed8"

var hexColor = regexp.MustCompile(`^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// primaryColor is the seller's colour as #rrggbb, and the colour in which text
// can be read on it. Whatever is no hex colour does not reach the style sheet.
func primaryColor(b billing.Branding) (color, onColor string) {
	color = strings.ToLower(b.Colors.Primary)
	if !hexColor.MatchString(color) {
		color = defaultColor
	}
	if len(color) == 4 {
		r, g, b := color[1:2], color[2:3], color[3:4]
		color = "#" + r + r + g + g + b + b
	}
	if luma(color) > 150 {
		return color, "#1a1d23"
	}
	return color, "#ffffff"
}

// luma is how bright #rrggbb looks, from 0 to 255 (ITU-R BT.601).
func luma(color string) int64 {
	n, _ := strconv.ParseInt(color[1:], 16, 32) // hex digits, the caller checked
	return (299*(n>>16) + 587*(n>>8&0xff) + 114*(n&0xff)) / 1000
}

// logoURL is where the seller's logo is, or "". Only https: mail programs
// warn of anything else, or do not load it.
func logoURL(b billing.Branding) string {
	u, err := webAddress(b.Logo.PublicURL)
	if err != nil || !strings.HasPrefix(u, "https://") {
		return ""
	}
	return u
}

// footer is the seller's name and postal address on one line.
func footer(e *billing.BillingEntity) string {
	a := e.RegisteredAddress
	var parts []string
	for _, part := range []string{e.LegalName, a.Line1, a.Line2, a.PostalCode + " " + a.City, a.State, a.Country} {
		if part = clean(part, maxValue); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

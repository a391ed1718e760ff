package httpapi

import "github.com/dunwellhq/dunwell/internal/auth"

// Route is a route as tests see it.
type Route struct {
	Verb, Path string
	May        []auth.Permission
	Open       bool
}

// Routes are the routes of the API.
func Routes() []Route {
	var list []Route
	for _, r := range (&server{}).routes() {
		list = append(list, Route{r.verb, r.path, r.may, r.open})
	}
	return list
}

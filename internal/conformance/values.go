package conformance

import (
	"fmt"
	"regexp"
	"time"
)

// Given are the names that have a value in every scenario; the caller of
// [Step.Fill] gives them: the scenario's own platform and its administrator's
// key, the bootstrap key, a text that no other scenario has, and tokens of the
// issuer, of an administrator and of what is refused.
var Given = []string{
	"platform", "key", "key_id", "bootstrap", "unique",
	"token", "reader_token", "nobody_token", "expired_token", "forged_token", "unsigned_token", "other_audience_token",
}

var timeForm = regexp.MustCompile(`^now([+-][0-9hms]+)?$`)

// isTime reports a name such as now+10m, whose value is that instant.
func isTime(name string) bool {
	_, ok := instant(name, time.Time{})
	return ok
}

func instant(name string, now time.Time) (string, bool) {
	m := timeForm.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	var shift time.Duration
	if m[1] != "" {
		d, err := time.ParseDuration(m[1])
		if err != nil {
			return "", false
		}
		shift = d
	}
	return now.Add(shift).UTC().Format("2006-01-02T15:04:05Z"), true
}

// Fill returns the step with the values of the names that it leaves open.
func (s Step) Fill(values map[string]string, now time.Time) (Step, error) {
	var missing error
	fill := func(text string) string {
		return placeholder.ReplaceAllStringFunc(text, func(p string) string {
			name := p[2 : len(p)-1]
			if v, ok := values[name]; ok {
				return v
			}
			v, ok := instant(name, now)
			if !ok {
				missing = fmt.Errorf("%s: %s has no value", s.Place, p)
			}
			return v
		})
	}
	s.Path, s.Body, s.Want.Field = fill(s.Path), fill(s.Body), fill(s.Want.Field)
	s.Header, s.Want.Header = fillHeader(s.Header, fill), fillHeader(s.Want.Header, fill)
	s.Want.Body = fillBody(s.Want.Body, fill)
	return s, missing
}

func fillHeader(list [][2]string, fill func(string) string) [][2]string {
	out := make([][2]string, len(list))
	for i, h := range list {
		out[i] = [2]string{h[0], fill(h[1])}
	}
	return out
}

func fillBody(v any, fill func(string) string) any {
	switch v := v.(type) {
	case string:
		return fill(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = fillBody(e, fill)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			out[fill(name)] = fillBody(e, fill)
		}
		return out
	default:
		return v
	}
}

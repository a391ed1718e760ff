package httpapi

import "net/http"

// live says that the process answers.
func (s *server) live(*call) (reply, error) {
	return answer(http.StatusOK, s.version, healthMembers, nil)
}

// ready says that the process can do its work: that its database answers.
func (s *server) ready(c *call) (reply, error) {
	return answer(http.StatusOK, s.version, healthMembers, s.store.Ping(c.Context()))
}

func healthMembers(m *members, version *string) {
	m.putText("status", "ok", plain)
	m.putText("version", *version, plain)
}

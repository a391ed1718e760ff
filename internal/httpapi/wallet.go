package httpapi

import (
	"net/http"

	"github.com/dunwellhq/dunwell/internal/billing"
)

// walletBalance answers with the balance of a wallet. What a body says is ignored.
func (s *server) walletBalance(c *call) (reply, error) {
	if _, err := c.optionalDocument(); err != nil {
		return reply{}, err
	}
	name, err := c.named("idOrReference", string(billing.KindWallet))
	if err != nil {
		return reply{}, err
	}
	r, err := s.store.Resource(c.Context(), c.platform, billing.KindWallet, name)
	if err != nil {
		return reply{}, err
	}
	w := *r.(*billing.Wallet) //nolint:forcetypeassert // the store was asked for one
	return answer(http.StatusOK, w, balanceMembers, nil)
}

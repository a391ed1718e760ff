package httpapi

import (
	"net/http"
	"strings"

	"github.com/dunwellhq/dunwell/internal/auth"
	"github.com/dunwellhq/dunwell/internal/billing"
)

// route is one verb of one path, the permissions that it demands, all of them,
// and the function that answers it.
type route struct {
	verb   string
	path   string
	may    []auth.Permission
	open   bool // needs no key
	answer func(*call) (reply, error)
}

func may(p ...auth.Permission) []auth.Permission { return p }

// routes is the API.
func (s *server) routes() []route {
	return []route{
		{http.MethodGet, "/v1/workflows", may(auth.WorkflowView), false, s.listWorkflows},
		{http.MethodPost, "/v1/workflows", may(auth.WorkflowCreate), false, s.createWorkflow},
		{http.MethodPost, "/v1/workflows/search", may(auth.WorkflowView), false, s.searchWorkflows},
		{http.MethodGet, "/v1/workflows/{idOrReference}", may(auth.WorkflowView), false, s.workflow},
		{http.MethodGet, "/v1/workflows/{idOrReference}/explain", may(auth.WorkflowView, auth.TriggerView, auth.ExecutionView), false, s.explain},
		{http.MethodPatch, "/v1/workflows/{idOrReference}", may(auth.WorkflowUpdate), false, s.changeWorkflow},
		{http.MethodPost, "/v1/workflows/{idOrReference}/activate", may(auth.WorkflowUpdate), false, s.activateWorkflow},
		{http.MethodPost, "/v1/workflows/{idOrReference}/deactivate", may(auth.WorkflowUpdate), false, s.deactivateWorkflow},
		{http.MethodPost, "/v1/workflows/{idOrReference}/archive", may(auth.WorkflowUpdate), false, s.archiveWorkflow},

		{http.MethodGet, "/v1/workflow-actions", may(auth.ActionView), false, s.listActions},
		{http.MethodPost, "/v1/workflow-actions", may(auth.ActionCreate), false, s.createAction},
		{http.MethodGet, "/v1/workflow-actions/{id}", may(auth.ActionView), false, s.action},
		{http.MethodPatch, "/v1/workflow-actions/{id}", may(auth.ActionUpdate), false, s.changeAction},
		{http.MethodDelete, "/v1/workflow-actions/{id}", may(auth.ActionDelete), false, s.deleteAction},

		{http.MethodGet, "/v1/workflow-triggers", may(auth.TriggerView), false, s.listTriggers},
		{http.MethodPost, "/v1/workflow-triggers", may(auth.TriggerCreate), false, s.createTrigger},
		{http.MethodPost, "/v1/workflow-triggers/search", may(auth.TriggerView), false, s.searchTriggers},
		{http.MethodGet, "/v1/workflow-triggers/{id}", may(auth.TriggerView), false, s.trigger},

		{http.MethodGet, "/v1/upcoming", may(auth.TriggerView), false, s.upcoming},

		{http.MethodGet, "/v1/workflow-executions", may(auth.ExecutionView), false, s.listExecutions},
		{http.MethodGet, "/v1/workflow-executions/{id}", may(auth.ExecutionView), false, s.execution},

		{http.MethodGet, "/v1/customers", may(auth.CustomerView), false, s.listResources(billing.KindCustomer)},
		{http.MethodPost, "/v1/customers", may(auth.CustomerCreate), false, s.createResource(billing.KindCustomer)},
		{http.MethodPost, "/v1/customers/search", may(auth.CustomerView), false, s.searchResources(billing.KindCustomer)},
		{http.MethodGet, "/v1/customers/{idOrReference}", may(auth.CustomerView), false, s.resource(billing.KindCustomer)},
		{http.MethodGet, "/v1/customers/{idOrReference}/timeline", may(auth.CustomerView, auth.TriggerView, auth.ExecutionView), false, s.timeline(billing.KindCustomer)},
		{http.MethodPut, "/v1/customers/{idOrReference}", may(auth.CustomerCreate, auth.CustomerUpdate), false, s.putResource(billing.KindCustomer)},
		{http.MethodPatch, "/v1/customers/{idOrReference}", may(auth.CustomerUpdate), false, s.changeResource(billing.KindCustomer)},
		{http.MethodDelete, "/v1/customers/{idOrReference}", may(auth.CustomerDelete), false, s.deleteResource(billing.KindCustomer, s.engine.EraseCustomer)},

		{http.MethodGet, "/v1/contacts", may(auth.ContactView), false, s.listResources(billing.KindContact)},
		{http.MethodPost, "/v1/contacts", may(auth.ContactCreate), false, s.createResource(billing.KindContact)},
		{http.MethodPost, "/v1/contacts/search", may(auth.ContactView), false, s.searchResources(billing.KindContact)},
		{http.MethodGet, "/v1/contacts/{idOrReference}", may(auth.ContactView), false, s.resource(billing.KindContact)},
		{http.MethodPut, "/v1/contacts/{idOrReference}", may(auth.ContactCreate, auth.ContactUpdate), false, s.putResource(billing.KindContact)},
		{http.MethodPatch, "/v1/contacts/{idOrReference}", may(auth.ContactUpdate), false, s.changeResource(billing.KindContact)},
		{http.MethodDelete, "/v1/contacts/{idOrReference}", may(auth.ContactDelete), false, s.deleteResource(billing.KindContact, s.engine.DeleteContact)},

		{http.MethodGet, "/v1/invoices", may(auth.InvoiceView), false, s.listResources(billing.KindInvoice)},
		{http.MethodPost, "/v1/invoices", may(auth.OneOffCreate), false, s.createResource(billing.KindInvoice)},
		{http.MethodPost, "/v1/invoices/search", may(auth.InvoiceView), false, s.searchResources(billing.KindInvoice)},
		{http.MethodGet, "/v1/invoices/{idOrReference}", may(auth.InvoiceView), false, s.resource(billing.KindInvoice)},
		{http.MethodGet, "/v1/invoices/{idOrReference}/timeline", may(auth.InvoiceView, auth.TriggerView, auth.ExecutionView), false, s.timeline(billing.KindInvoice)},
		{http.MethodPut, "/v1/invoices/{idOrReference}", may(auth.InvoiceCreate, auth.InvoiceUpdate), false, s.putResource(billing.KindInvoice)},
		{http.MethodPatch, "/v1/invoices/{idOrReference}", may(auth.InvoiceUpdate), false, s.changeResource(billing.KindInvoice)},
		{http.MethodDelete, "/v1/invoices/{idOrReference}", may(auth.InvoiceDelete), false, s.deleteResource(billing.KindInvoice, s.deleter(billing.KindInvoice))},

		{http.MethodGet, "/v1/payments", may(auth.PaymentView), false, s.listResources(billing.KindPayment)},
		{http.MethodPost, "/v1/payments", may(auth.PaymentCreate), false, s.createResource(billing.KindPayment)},
		{http.MethodPost, "/v1/payments/search", may(auth.PaymentView), false, s.searchResources(billing.KindPayment)},
		{http.MethodGet, "/v1/payments/{idOrReference}", may(auth.PaymentView), false, s.resource(billing.KindPayment)},
		{http.MethodGet, "/v1/payments/{idOrReference}/timeline", may(auth.PaymentView, auth.TriggerView, auth.ExecutionView), false, s.timeline(billing.KindPayment)},
		{http.MethodPut, "/v1/payments/{idOrReference}", may(auth.PaymentCreate, auth.PaymentUpdate), false, s.putResource(billing.KindPayment)},
		{http.MethodDelete, "/v1/payments/{idOrReference}", may(auth.PaymentDelete), false, s.deleteResource(billing.KindPayment, s.deleter(billing.KindPayment))},

		{http.MethodGet, "/v1/billing-entities", may(auth.BillingEntityView), false, s.listResources(billing.KindBillingEntity)},
		{http.MethodPost, "/v1/billing-entities", may(auth.BillingEntityCreate), false, s.createResource(billing.KindBillingEntity)},
		{http.MethodPost, "/v1/billing-entities/search", may(auth.BillingEntityView), false, s.searchResources(billing.KindBillingEntity)},
		{http.MethodGet, "/v1/billing-entities/{idOrReference}", may(auth.BillingEntityView), false, s.resource(billing.KindBillingEntity)},
		{http.MethodPut, "/v1/billing-entities/{idOrReference}", may(auth.BillingEntityCreate, auth.BillingEntityUpdate), false, s.putResource(billing.KindBillingEntity)},
		{http.MethodPatch, "/v1/billing-entities/{idOrReference}", may(auth.BillingEntityUpdate), false, s.changeResource(billing.KindBillingEntity)},
		{http.MethodDelete, "/v1/billing-entities/{idOrReference}", may(auth.BillingEntityDelete), false, s.deleteResource(billing.KindBillingEntity, s.deleter(billing.KindBillingEntity))},

		{http.MethodGet, "/v1/pricing-plan-subscriptions", may(auth.SubscriptionView), false, s.listResources(billing.KindSubscription)},
		{http.MethodPost, "/v1/pricing-plan-subscriptions", may(auth.SubscriptionCreate), false, s.createResource(billing.KindSubscription)},
		{http.MethodPost, "/v1/pricing-plan-subscriptions/search", may(auth.SubscriptionView), false, s.searchResources(billing.KindSubscription)},
		{http.MethodGet, "/v1/pricing-plan-subscriptions/{idOrReference}", may(auth.SubscriptionView), false, s.resource(billing.KindSubscription)},
		{http.MethodGet, "/v1/pricing-plan-subscriptions/{idOrReference}/timeline", may(auth.SubscriptionView, auth.TriggerView, auth.ExecutionView), false, s.timeline(billing.KindSubscription)},
		{http.MethodPut, "/v1/pricing-plan-subscriptions/{idOrReference}", may(auth.SubscriptionCreate, auth.SubscriptionUpdate), false, s.putResource(billing.KindSubscription)},
		{http.MethodPatch, "/v1/pricing-plan-subscriptions/{idOrReference}", may(auth.SubscriptionUpdate), false, s.changeResource(billing.KindSubscription)},
		{http.MethodDelete, "/v1/pricing-plan-subscriptions/{idOrReference}", may(auth.SubscriptionDelete), false, s.deleteResource(billing.KindSubscription, s.deleter(billing.KindSubscription))},

		{http.MethodGet, "/v1/pricing-plan-schedules", may(auth.ScheduleView), false, s.listResources(billing.KindSchedule)},
		{http.MethodPost, "/v1/pricing-plan-schedules", may(auth.ScheduleCreate), false, s.createResource(billing.KindSchedule)},
		{http.MethodPost, "/v1/pricing-plan-schedules/search", may(auth.ScheduleView), false, s.searchResources(billing.KindSchedule)},
		{http.MethodGet, "/v1/pricing-plan-schedules/{idOrReference}", may(auth.ScheduleView), false, s.resource(billing.KindSchedule)},
		{http.MethodPut, "/v1/pricing-plan-schedules/{idOrReference}", may(auth.ScheduleCreate, auth.ScheduleUpdate), false, s.putResource(billing.KindSchedule)},
		{http.MethodPatch, "/v1/pricing-plan-schedules/{idOrReference}", may(auth.ScheduleUpdate), false, s.changeResource(billing.KindSchedule)},
		{http.MethodDelete, "/v1/pricing-plan-schedules/{idOrReference}", may(auth.ScheduleDelete), false, s.deleteResource(billing.KindSchedule, s.deleter(billing.KindSchedule))},

		{http.MethodGet, "/v1/wallet-types", may(auth.WalletTypeView), false, s.listResources(billing.KindWalletType)},
		{http.MethodPost, "/v1/wallet-types", may(auth.WalletTypeCreate), false, s.createResource(billing.KindWalletType)},
		{http.MethodPost, "/v1/wallet-types/search", may(auth.WalletTypeView), false, s.searchResources(billing.KindWalletType)},
		{http.MethodGet, "/v1/wallet-types/{idOrReference}", may(auth.WalletTypeView), false, s.resource(billing.KindWalletType)},
		{http.MethodPut, "/v1/wallet-types/{idOrReference}", may(auth.WalletTypeCreate, auth.WalletTypeUpdate), false, s.putResource(billing.KindWalletType)},
		{http.MethodPatch, "/v1/wallet-types/{idOrReference}", may(auth.WalletTypeUpdate), false, s.changeResource(billing.KindWalletType)},
		{http.MethodDelete, "/v1/wallet-types/{idOrReference}", may(auth.WalletTypeDelete), false, s.deleteResource(billing.KindWalletType, s.deleter(billing.KindWalletType))},

		{http.MethodGet, "/v1/wallets", may(auth.WalletView), false, s.listResources(billing.KindWallet)},
		{http.MethodPost, "/v1/wallets", may(auth.WalletCreate), false, s.createResource(billing.KindWallet)},
		{http.MethodPost, "/v1/wallets/search", may(auth.WalletView), false, s.searchResources(billing.KindWallet)},
		{http.MethodGet, "/v1/wallets/{idOrReference}", may(auth.WalletView), false, s.resource(billing.KindWallet)},
		{http.MethodGet, "/v1/wallets/{idOrReference}/timeline", may(auth.WalletView, auth.TriggerView, auth.ExecutionView), false, s.timeline(billing.KindWallet)},
		{http.MethodPut, "/v1/wallets/{idOrReference}", may(auth.WalletCreate, auth.WalletUpdate), false, s.putResource(billing.KindWallet)},
		{http.MethodDelete, "/v1/wallets/{idOrReference}", may(auth.WalletDelete), false, s.deleteResource(billing.KindWallet, s.deleter(billing.KindWallet))},
		{http.MethodPost, "/v1/wallets/{idOrReference}/balance", may(auth.WalletView), false, s.walletBalance},

		{http.MethodPost, "/v1/ingest/resources", may(auth.ResourceIngest), false, s.ingestResources},
		{http.MethodPost, "/v1/ingest/snapshot", may(auth.ResourceIngest), false, s.ingestSnapshot},
		{http.MethodPost, "/v1/ingest/sources/{id}", nil, true, s.ingestWebhook}, // its signature authenticates it

		{http.MethodGet, "/v1/integrations", may(auth.IntegrationView), false, s.listIntegrations},
		{http.MethodPost, "/v1/integrations", may(auth.IntegrationCreate), false, s.createIntegration},
		{http.MethodGet, "/v1/integrations/{idOrReference}", may(auth.IntegrationView), false, s.integration},
		{http.MethodPut, "/v1/integrations/{idOrReference}", may(auth.IntegrationCreate, auth.IntegrationUpdate), false, s.putIntegration},
		{http.MethodPatch, "/v1/integrations/{idOrReference}", may(auth.IntegrationUpdate), false, s.changeIntegration},
		{http.MethodDelete, "/v1/integrations/{idOrReference}", may(auth.IntegrationDelete), false, s.deleteIntegration},

		{http.MethodGet, "/v1/sources", may(auth.SourceView), false, s.listSources},
		{http.MethodPost, "/v1/sources", may(auth.SourceCreate), false, s.createSource},
		{http.MethodGet, "/v1/sources/{id}", may(auth.SourceView), false, s.source},
		{http.MethodPatch, "/v1/sources/{id}", may(auth.SourceUpdate), false, s.changeSource},

		{http.MethodGet, "/v1/platforms", may(auth.PlatformView), false, s.listPlatforms},
		{http.MethodPost, "/v1/platforms", may(auth.PlatformCreate), false, s.createPlatform},
		{http.MethodGet, "/v1/platforms/{id}", may(auth.PlatformView), false, s.platform},
		{http.MethodPatch, "/v1/platforms/{id}", may(auth.PlatformUpdate), false, s.changePlatform},
		{http.MethodPut, "/v1/platforms/{id}/clock", may(auth.PlatformUpdate), false, s.setClock},

		{http.MethodGet, "/v1/api-keys", may(auth.KeyView), false, s.listKeys},
		{http.MethodPost, "/v1/api-keys", may(auth.KeyCreate), false, s.createKey},
		{http.MethodGet, "/v1/api-keys/{id}", may(auth.KeyView), false, s.key},
		{http.MethodPatch, "/v1/api-keys/{id}", may(auth.KeyUpdate), false, s.changeKey},
		{http.MethodPost, "/v1/api-keys/{id}/roll", may(auth.KeyUpdate), false, s.rollKey},
		{http.MethodGet, "/v1/api-keys/{id}/decrypt", may(auth.KeyView), false, s.decryptKey},

		{http.MethodGet, "/v1/roles", may(auth.RoleView), false, s.listRoles},
		{http.MethodPost, "/v1/roles", may(auth.RoleCreate), false, s.createRole},
		{http.MethodGet, "/v1/roles/{id}", may(auth.RoleView), false, s.role},
		{http.MethodPatch, "/v1/roles/{id}", may(auth.RoleUpdate), false, s.changeRole},

		{http.MethodGet, "/v1/holds", may(auth.HoldView), false, s.listHolds},
		{http.MethodPost, "/v1/holds", may(auth.HoldCreate), false, s.createHold},
		{http.MethodGet, "/v1/holds/{id}", may(auth.HoldView), false, s.hold},
		{http.MethodPatch, "/v1/holds/{id}", may(auth.HoldUpdate), false, s.changeHold},
		{http.MethodPost, "/v1/holds/{id}/release", may(auth.HoldUpdate), false, s.releaseHold},

		{http.MethodGet, "/v1/suppressions", may(auth.SuppressionView), false, s.listSuppressions},
		{http.MethodPost, "/v1/suppressions", may(auth.SuppressionCreate), false, s.createSuppression},
		{http.MethodGet, "/v1/suppressions/{id}", may(auth.SuppressionView), false, s.suppression},
		{http.MethodDelete, "/v1/suppressions/{id}", may(auth.SuppressionDelete), false, s.deleteSuppression},

		{http.MethodGet, "/v1/outbox", may(auth.MessageView), false, s.listOutbox},
		{http.MethodGet, "/v1/outbox/{id}", may(auth.MessageView), false, s.outboxMessage},

		{http.MethodGet, "/livez", nil, true, s.live},
		{http.MethodGet, "/readyz", nil, true, s.ready},
		{http.MethodGet, "/openapi.yaml", nil, true, s.asset},
		{http.MethodGet, "/docs", nil, true, s.asset},
		{http.MethodGet, "/docs/{file}", nil, true, s.asset},
	}
}

// resource is the first part of the path behind the version, or "".
func (r *route) resource() string {
	rest, ok := strings.CutPrefix(r.path, "/v1/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// namesPlatform reports a route that is about the platform that its path names,
// whatever the current one is.
func (r *route) namesPlatform() bool { return strings.HasPrefix(r.path, "/v1/platforms/{id}") }

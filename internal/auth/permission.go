package auth

// Permission is RESOURCE.ACTION, as the routes demand it.
type Permission string

// The permissions of this version's routes.
const (
	WorkflowView   Permission = "WORKFLOW.VIEW"
	WorkflowCreate Permission = "WORKFLOW.CREATE"
	WorkflowUpdate Permission = "WORKFLOW.UPDATE"

	ActionView   Permission = "WORKFLOW_ACTION.VIEW"
	ActionCreate Permission = "WORKFLOW_ACTION.CREATE"
	ActionUpdate Permission = "WORKFLOW_ACTION.UPDATE"
	ActionDelete Permission = "WORKFLOW_ACTION.DELETE"

	TriggerView   Permission = "WORKFLOW_TRIGGER.VIEW"
	TriggerCreate Permission = "WORKFLOW_TRIGGER.CREATE"

	ExecutionView Permission = "WORKFLOW_EXECUTION.VIEW"

	CustomerView   Permission = "CUSTOMER.VIEW"
	CustomerCreate Permission = "CUSTOMER.CREATE"
	CustomerUpdate Permission = "CUSTOMER.UPDATE"

	ContactView   Permission = "CONTACT.VIEW"
	ContactCreate Permission = "CONTACT.CREATE"
	ContactUpdate Permission = "CONTACT.UPDATE"

	InvoiceView   Permission = "INVOICE.VIEW"
	InvoiceCreate Permission = "INVOICE.CREATE"
	InvoiceUpdate Permission = "INVOICE.UPDATE"

	PaymentView   Permission = "PAYMENT.VIEW"
	PaymentCreate Permission = "PAYMENT.CREATE"
	PaymentUpdate Permission = "PAYMENT.UPDATE"

	BillingEntityView   Permission = "BILLING_ENTITY.VIEW"
	BillingEntityCreate Permission = "BILLING_ENTITY.CREATE"
	BillingEntityUpdate Permission = "BILLING_ENTITY.UPDATE"

	SubscriptionView   Permission = "PRICING_PLAN_SUBSCRIPTION.VIEW"
	SubscriptionCreate Permission = "PRICING_PLAN_SUBSCRIPTION.CREATE"
	SubscriptionUpdate Permission = "PRICING_PLAN_SUBSCRIPTION.UPDATE"

	ScheduleView   Permission = "PRICING_PLAN_SCHEDULE.VIEW"
	ScheduleCreate Permission = "PRICING_PLAN_SCHEDULE.CREATE"
	ScheduleUpdate Permission = "PRICING_PLAN_SCHEDULE.UPDATE"

	WalletTypeView   Permission = "WALLET_TYPE.VIEW"
	WalletTypeCreate Permission = "WALLET_TYPE.CREATE"
	WalletTypeUpdate Permission = "WALLET_TYPE.UPDATE"

	WalletView   Permission = "WALLET.VIEW"
	WalletCreate Permission = "WALLET.CREATE"
	WalletUpdate Permission = "WALLET.UPDATE"

	IntegrationView   Permission = "INTEGRATION.VIEW"
	IntegrationCreate Permission = "INTEGRATION.CREATE"
	IntegrationUpdate Permission = "INTEGRATION.UPDATE"

	SourceView   Permission = "SOURCE.VIEW"
	SourceCreate Permission = "SOURCE.CREATE"
	SourceUpdate Permission = "SOURCE.UPDATE"

	PlatformView   Permission = "PLATFORM.VIEW"
	PlatformUpdate Permission = "PLATFORM.UPDATE"

	ResourceIngest Permission = "RESOURCE.INGEST"
	MessageView    Permission = "MESSAGE.VIEW"
)

"""IAM: every call that is signed with a role's credentials is judged by the policies of the deployed stack.

wire        an HTTP request -> which operation of which service, with which parameters
actions     an operation -> the actions and resources that AWS asks IAM about
policy      actions, resources and conditions against statements: allowed or denied, and by which
roles       the statements that a role has in the deployed stack
inventory   what the answer depends on besides the request: tags, objects, bucket policies
gate        stands before moto's server, judges, and answers as the service would when it refuses
journal     who used what on which resource
"""
